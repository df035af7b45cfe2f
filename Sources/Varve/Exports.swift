// Whoever embeds the engine writes `import Varve`: its API speaks of UIDs, flags and modseqs.
@_exported import MailModel

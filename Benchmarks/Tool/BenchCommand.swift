import ArgumentParser

@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "varve-bench",
        abstract: "Measures and tries mail servers and stores.",
        discussion: """
            EXAMPLE
              varve-bench engine
              varve-bench imap localhost:1143 --stress --user alice --password secret --seed 7 --rounds 500
            """,
        subcommands: [EngineCommand.self, IMAPCommand.self, EngineProcessCommand.self])
}

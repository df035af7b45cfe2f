import ArgumentParser
import Glibc
import VarveDump

@main
struct VarveDumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "varve-dump",
        abstract: "Tells what is in a Varve store or in one of its files.",
        discussion: """
            PATH is a store's folder, or its superblock, a segment or its index: the first bytes tell which. Nothing is \
            written and no lock is taken, so that a live server is not disturbed.

            Damage does not end the dump: it is reported in a line that begins with "damage:" (in JSON an object of type \
            "damage"), and what lies behind it is shown. Exit status: 0 all is well; 1 nothing could be dumped; 2 there \
            is damage.

            EXAMPLES
              varve-dump alice.varve                  check all of it; what it holds
              varve-dump alice.varve/superblock       one file of it
              varve-dump alice.varve/segments/000000000001.seg
              varve-dump --bodies alice.varve         every frame, every message
              varve-dump --tree uid alice.varve       messages as the index has them
              varve-dump --page 7 alice.varve         one page of the index
              varve-dump --message INBOX:5 alice.varve
              varve-dump --messages alice.varve       mailboxes and messages, with the SHA-256 of each body
              varve-dump --messages --key-file master.key alice.varve
              varve-dump --json alice.varve           for programs

            Of an encrypted store all is shown and checked but for what is sealed: sizes, and with what it was sealed.
            """)

    @Flag(help: "Write an array of JSON objects, one a line, each with a \"type\".")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Show the entries of a tree of the index: \(Dump.treeNames.joined(separator: ", ")).", valueName: "name"))
    var tree: String?

    @Option(help: ArgumentHelp("Show one page of the index.", valueName: "number"))
    var page: UInt32?

    @Option(help: ArgumentHelp("Show what happened to one message, from the log alone.", valueName: "mailbox:uid"))
    var message: String?

    @Flag(
        help: """
            Show what the store holds by its log: mailboxes, messages and the SHA-256 of their bodies, expunged UIDs. The \
            master key of an encrypted store is taken from VARVE_MASTER_KEY.
            """)
    var messages = false

    @Flag(help: "Show the messages' bytes too, and check that they inflate.")
    var bodies = false

    @Option(
        name: .customLong("key-file"),
        help: ArgumentHelp(
            "With --messages: the master key of an encrypted store. (default: the environment variable "
                + "\(Dump.masterKeyVariable), if it is set)", valueName: "file"))
    var keyFile: String?

    @Argument(help: "A store's folder, or one of its files.")
    var path: String

    func run() throws {
        var options = Dump.Options()
        options.json = json
        options.tree = tree
        options.page = page
        options.message = message
        options.messages = messages
        options.bodies = bodies
        let damages: Int
        do {
            if messages { try options.readMasterKey(file: keyFile) }
            damages = try Dump.run(path, options) { VarveDumpCommand.write($0, to: STDOUT_FILENO) }
        } catch {
            VarveDumpCommand.write(Array("varve-dump: \(error.message)\n".utf8), to: STDERR_FILENO)
            throw ExitCode(1)
        }
        if damages > 0 { throw ExitCode(2) }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
            if count < 0 {
                if errno == EINTR { continue }
                // Whoever read this has gone, or the disk is full: nothing more can be said.
                Glibc.exit(1)
            }
            done += count
        }
    }
}

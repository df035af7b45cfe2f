import Glibc
import MailModel
import Varve
import VarveAccounts

/// `varved --demo`: a data folder with one user and mail of interesting shapes.
enum Demo {
    static let folder = "varve-demo"
    static let user = "demo"
    static let password = "demo"
    static let endpoint = Endpoint(host: "127.0.0.1", port: 1143)

    /// Makes user and mail, if they are not there from an earlier run.
    static func prepare(_ directory: AccountDirectory, _ masterKey: MasterKey?) throws {
        if try !directory.users().contains(user) { try directory.add(user, password: Array(password.utf8)) }
        var options = StoreOptions()
        options.masterKey = masterKey
        let store = try Store.open(at: directory.storePath(user), options)
        defer { try? store.close() }
        guard try store.mailbox("INBOX").view().mailbox.uidNext == 1 else { return }
        try store.commit { tx in
            for name in ["INBOX", "Archive/2026", "Sent", "Entwürfe"] {
                if try tx.mailbox(named: name) == nil { try tx.createMailbox(name) }
                try tx.subscribe(name)
            }
            for sample in DemoMail.samples {
                guard let mailbox = try tx.mailbox(named: sample.mailbox) else { continue }
                try tx.append(
                    PreparedMessage(sample.bytes), to: mailbox.id, flags: sample.flags, internalDate: sample.date)
            }
        }
    }

    static func printWelcome(_ endpoint: Endpoint) {
        let place = "\(endpoint.host):\(endpoint.port ?? 143)"
        print(
            """
            Varve serves \(DemoMail.samples.count) sample messages from ./\(folder). Try:

              curl "imap://\(place)/INBOX;UID=1" -u \(user):\(password)
              curl "imap://\(place)/INBOX?ALL" -u \(user):\(password)
              neomutt -n -F /dev/null -e 'set ssl_force_tls=no ssl_starttls=no imap_user=\(user) imap_pass=\(password) folder=imap://\(place)' -f +INBOX

            Ctrl-C ends it.
            """)
        fflush(nil)
    }
}

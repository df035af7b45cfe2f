import MailModel
import VarveFormat

extension Transaction {
    // Neither is a change of the mailbox: its highest modseq stays, and nobody who subscribed to it is woken. A rename keeps
    // both; the mailbox that a rename of INBOX makes has what every new one has.

    /// Says what a mailbox is for. Several mailboxes may have the same use.
    /// - Throws: `.notFound`.
    public func setSpecialUse(_ use: SpecialUse, of mailbox: MailboxID) throws(StoreError) {
        let use = use.intersection(.every)
        guard try row(mailbox).specialUse != use else { return }
        try changing { () throws(StoreError) in
            try index.setSpecialUse(use, of: mailbox.rawValue)
            try add(.setSpecialUse(mailbox: mailbox.rawValue, use: use))
        }
    }

    /// Says how a mailbox' history is kept for those who synchronise. Of one that gets `.noExpungeLog` the expunges known so
    /// far are forgotten from now on, in this commit or in later ones; one that has it no longer remembers those to come.
    /// - Throws: `.notFound`.
    public func setSyncMode(_ mode: SyncMode, of mailbox: MailboxID) throws(StoreError) {
        guard try row(mailbox).syncMode != mode else { return }
        try changing { () throws(StoreError) in
            try index.setSyncMode(mode, of: mailbox.rawValue)
            try add(.setSyncMode(mailbox: mailbox.rawValue, mode: mode))
        }
        if mode == .noExpungeLog { expungedFrom.insert(mailbox.rawValue) }
    }
}

import MailModel
import VarveFormat

extension IndexWriter {
    /// Does again what a commit in the log did.
    func replay(_ record: Record) throws(StoreError) {
        switch record {
        case .createMailbox(let id, let uidValidity, let name):
            try createMailbox(id, uidValidity: uidValidity, name: name)
        case .deleteMailbox(let id): try deleteMailbox(id)
        case .renameMailbox(let id, let name): try renameMailbox(id, to: name)
        case .subscribe(let name): try setSubscribed(name, true)
        case .unsubscribe(let name): try setSubscribed(name, false)
        case .append(let append): try self.append(append)
        case .changeFlags(let mailbox, let operation, let flags, let uids):
            _ = try changeFlags(operation, flags, of: uids, in: mailbox)
        case .expunge(let mailbox, let victims):
            try confirm(victims, in: mailbox)
            try expunge(victims, in: mailbox)
        case .copy(let from, let to, let firstUID, let victims):
            try confirm(victims, in: from)
            try copy(victims.uids, from: from, to: to, firstUID: firstUID)
        case .move(let from, let to, let firstUID, let victims):
            try confirm(victims, in: from)
            try copy(victims.uids, from: from, to: to, firstUID: firstUID)
            try expunge(victims, in: from, bodiesStay: true)
        case .claimRecent(let mailbox, let uid): try claimRecent(mailbox, below: uid)
        case .relocate(let record): try relocate(record)
        case .dropSegments(let numbers): try dropSegments(numbers)
        case .forgetVanished(let mailbox, let floor): try forgetVanished(mailbox, through: floor)
        case .renewUIDValidity(let mailbox, let uidValidity): try renewUIDValidity(mailbox, to: uidValidity)
        case .setSpecialUse(let mailbox, let use): try setSpecialUse(use, of: mailbox)
        case .setSyncMode(let mailbox, let mode): try setSyncMode(mode, of: mailbox)
        }
    }

    /// Refuses a record that meets other messages than it was written for, instead of deleting the wrong mail.
    private func confirm(_ victims: Victims, in mailbox: UInt32) throws(StoreError) {
        let found = try self.victims(victims.uids, in: mailbox, onlyDeleted: false)
        guard found == victims else {
            throw .corrupt(
                "mailbox \(mailbox)",
                "a record names \(victims.count) messages under UIDs \(victims.uids), where there are \(found.count) "
                    + (found.count == victims.count ? "others" : "of them"))
        }
    }
}

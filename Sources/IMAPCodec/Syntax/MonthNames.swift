import MailModel

extension CalendarDay {
    /// As IMAP writes them (RFC 3501 §9, date-month), and as they are compared.
    static let monthNames: [(name: StaticString, capitals: StaticString)] = [
        ("Jan", "JAN"), ("Feb", "FEB"), ("Mar", "MAR"), ("Apr", "APR"), ("May", "MAY"), ("Jun", "JUN"),
        ("Jul", "JUL"), ("Aug", "AUG"), ("Sep", "SEP"), ("Oct", "OCT"), ("Nov", "NOV"), ("Dec", "DEC"),
    ]
}

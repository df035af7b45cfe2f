import MailModel

/// Sample mail: each message has a shape that a mail program, or the person who reads its source, may want to see.
enum DemoMail {
    struct Sample {
        var mailbox = "INBOX"
        var flags: Flags = []
        var date: InternalDate
        /// As it is written here, but with CRLF line ends.
        var text: String

        var bytes: [UInt8] {
            var bytes: [UInt8] = []
            for byte in text.utf8 {
                if byte == 10 { bytes.append(13) }
                bytes.append(byte)
            }
            return bytes
        }
    }

    private static func date(_ day: Int64) -> InternalDate {
        InternalDate(seconds: 1_790_000_000 + day * 86_400, zoneMinutes: 120)
    }

    static let samples: [Sample] = [
        Sample(
            flags: [.seen], date: date(0),
            text: """
                From: Varve <varve@example.org>
                To: demo@example.org
                Date: Mon, 21 Sep 2026 16:13:20 +0200
                Subject: Welcome
                Message-ID: <welcome@example.org>

                This mailbox lives in ./varve-demo. Everything in it can be changed; delete the folder to begin anew.

                Look at it from below, while the server runs:

                    varve-dump varve-demo/accounts/demo

                """),
        Sample(
            date: date(1),
            text: """
                From: =?utf-8?Q?Zo=C3=AB_M=C3=BCller?= <zoe@example.org>
                To: "Demo, The" <demo@example.org>,
                 Friends: =?iso-8859-1?Q?J=F8rgen?= <jorgen@example.net>, li@example.com;
                Cc: undisclosed-recipients:;
                Date: Tue, 22 Sep 2026 16:13:20 +0200
                Subject: =?utf-8?B?R3LDvMOfZSBhdXMgTcO8bmNoZW4sIHVuZCBlaW4gbGFuZ2VyIEJldHJlZmY=?=
                 =?utf-8?B?IGluIHp3ZWkgU3TDvGNrZW4=?=
                Message-ID: <greetings@example.org>
                MIME-Version: 1.0
                Content-Type: text/plain; charset=utf-8; format=flowed
                Content-Transfer-Encoding: 8bit
                Content-Language: de, en

                Grüße aus München! A group of addresses, encoded words, 8-bit text.

                """),
        Sample(
            flags: [.flagged], date: date(2),
            text: """
                From: Zoë Müller <zoe@example.org>
                To: demo@example.org
                Date: Wed, 23 Sep 2026 16:13:20 +0200
                Subject: Both ways of saying it
                In-Reply-To: <welcome@example.org>
                References: <welcome@example.org>
                Message-ID: <alternative@example.org>
                MIME-Version: 1.0
                Content-Type: multipart/alternative; boundary="=-outer"

                A reader without MIME sees this line.

                --=-outer
                Content-Type: text/plain; charset=us-ascii

                In plain words.

                --=-outer
                Content-Type: multipart/related; boundary=inner; type="text/html"

                --inner
                Content-Type: text/html; charset=utf-8
                Content-Transfer-Encoding: quoted-printable

                <p>In <b>bold</b> words, with a picture: <img src=3D"cid:dot@example.org"></=
                p>

                --inner
                Content-Type: image/gif; name=dot.gif
                Content-ID: <dot@example.org>
                Content-Disposition: inline; filename=dot.gif; size=43
                Content-Transfer-Encoding: base64

                R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7

                --inner--

                --=-outer--

                """),
        Sample(
            date: date(3),
            text: """
                From: postmaster@example.net
                To: demo@example.org
                Date: Thu, 24 Sep 2026 16:13:20 +0200
                Subject: A file, its name in another script, and a message within the message
                Message-ID: <nested@example.net>
                MIME-Version: 1.0
                Content-Type: multipart/mixed; boundary="b1"

                --b1
                Content-Type: text/plain

                See the two parts below.
                --b1
                Content-Type: application/pdf
                Content-Disposition: attachment;
                 filename*0*=utf-8'el'%CE%91%CE%BD%CE%B1%CF%86%CE%BF%CF%81%CE%AC;
                 filename*1=-2026.pdf
                Content-Transfer-Encoding: base64
                Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==

                JVBERi0xLjQKJSBhIHNhbXBsZSwgbm8gcmVhbCBkb2N1bWVudAo=
                --b1
                Content-Type: message/rfc822
                Content-Description: what it was about

                From: li@example.com
                To: zoe@example.org
                Date: Wed, 23 Sep 2026 09:00:00 +0800
                Subject: The enclosed one
                Message-ID: <enclosed@example.com>
                MIME-Version: 1.0
                Content-Type: multipart/mixed; boundary=b2

                --b2
                Content-Type: text/plain

                First part of the enclosed message.
                --b2
                Content-Type: text/x-log; charset=us-ascii

                Second part of the enclosed message.
                --b2--

                --b1--

                """),
        Sample(
            mailbox: "Archive/2026", flags: [.seen, .answered], date: date(-200),
            text: """
                From: list-owner@example.com
                Sender: robot@example.com
                Reply-To: list@example.com
                To: list@example.com
                Date: 5 Mar 26 09:12 GMT
                Subject:
                Message-ID: <digest@example.com>
                MIME-Version: 1.0
                Content-Type: multipart/digest; boundary=d

                --d

                From: a@example.com
                Subject: first of the digest
                Date: Wed, 4 Mar 2026 10:00:00 +0000

                One.
                --d

                From: b@example.com
                Subject: second of the digest
                Date: Wed, 4 Mar 2026 11:00:00 +0000

                Two.
                --d--

                """),
        Sample(
            mailbox: "Sent", flags: [.seen], date: date(4),
            text: """
                From: demo@example.org
                To: zoe@example.org
                Bcc: archive@example.org
                Date: Fri, 25 Sep 2026 16:13:20 +0200
                Subject: Re: Both ways of saying it
                In-Reply-To: <alternative@example.org>
                References: <welcome@example.org> <alternative@example.org>
                Message-ID: <reply@example.org>

                Thank you, I prefer the plain one.

                """),
        Sample(
            mailbox: "Entwürfe", flags: [.draft, .seen], date: date(5),
            text: """
                From: demo@example.org
                Subject: A draft without recipient or date

                Not finished

                """),
    ]
}

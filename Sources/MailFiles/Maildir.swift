import Glibc

/// A mailbox in a Maildir or Maildir++.
public struct MaildirFolder: Hashable, Sendable {
    public let path: String
    /// Below the Maildir itself, levels separated by `/`; nil for the Maildir itself.
    public let name: String?
}

public enum Maildir {
    /// The mailboxes of a Maildir: itself first, then the folders in it, by their names. Links are not followed.
    /// - Throws: `.notFound`; `.format` if it has neither `cur` nor `new`; `.io`.
    public static func folders(in path: String) throws(MailFileError) -> [MaildirFolder] {
        var names: [String] = []
        try forEachName(in: path, path) { name in
            let name = String(decoding: name, as: UTF8.self)
            if name.hasPrefix("."), names.count < MailFileLimits.folders { names.append(name) }
            return true
        }
        guard isFolder("\(path)/cur") || isFolder("\(path)/new") else {
            throw MailFileError(.format, "\(path): not a Maildir, which has folders named cur and new")
        }
        var result = [MaildirFolder(path: path, name: nil)]
        for name in names {
            let folder = "\(path)/\(name)"
            guard let mailbox = MaildirFolderName.mailbox(name), isFolder(folder),
                isFolder("\(folder)/cur") || isFolder("\(folder)/new")
            else { continue }
            result.append(MaildirFolder(path: folder, name: mailbox))
        }
        return result.sorted { ($0.name ?? "").utf8.lexicographicallyPrecedes(($1.name ?? "").utf8) }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Calls `body` with the name of everything in a folder, in no order, until it returns false.
    static func forEachName(
        in path: String, _ shown: String, _ body: (UnsafeRawBufferPointer) -> Bool
    ) throws(MailFileError) {
        guard let directory = opendir(path) else { throw failure("open folder", shown) }
        defer { closedir(directory) }
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw failure("list", shown) }
                return
            }
            let goesOn = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                body(UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.firstIndex(of: 0) ?? bytes.count)]))
            }
            guard goesOn else { return }
        }
    }
}

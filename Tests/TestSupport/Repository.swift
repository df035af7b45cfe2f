import Foundation

/// The files of the project as it was checked out: pages and fixtures that tests read.
public enum Repository {
    public static let path = #filePath.components(separatedBy: "/Tests/").dropLast().joined(separator: "/Tests/")

    /// A file as text, its path from the top of the project.
    public static func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    }
}

import Foundation

// Does one of the operations that are guarded, for `guards.py`, which runs this under callgrind. A program of its own: callgrind does
// not stand the threads that an asynchronous one begins with.

guard CommandLine.arguments.count == 2, let work = GuardedWork(rawValue: CommandLine.arguments[1]) else {
    print("usage: bench-guards \(GuardedWork.allCases.map(\.rawValue).joined(separator: "|"))")
    exit(64)
}
let folder = NSTemporaryDirectory() + "/bench-guards-\(ProcessInfo.processInfo.processIdentifier)"
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
let outcome = Result { try work.perform(folder: folder, seed: 1) }
try? FileManager.default.removeItem(atPath: folder)
let counted = try outcome.get()
print(counted.times, counted.allocations)

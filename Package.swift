// swift-tools-version:6.1
import PackageDescription

let package = Package(
    name: "varve",
    targets: [
        // System libraries and the one piece of C that is ours.
        .systemLibrary(
            name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CCRC32C"),

        // Dependencies look downwards only.
        .target(name: "MailModel"),

        .testTarget(name: "MailModelTests", dependencies: ["MailModel"]),
    ],
    swiftLanguageModes: [.v6]
)

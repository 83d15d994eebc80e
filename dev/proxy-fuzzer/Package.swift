// swift-tools-version: 6.2
import PackageDescription

// The proxy's codec and its fuzzer in one module, built with optimisation and without the rest of the house. `scripts/fuzz-proxy` runs it.
let package = Package(
    name: "proxy-fuzzer",
    dependencies: [.package(path: "../../.build/checkouts/swift-nio")],
    targets: [
        .executableTarget(
            name: "proxy-fuzzer",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ])
    ]
)

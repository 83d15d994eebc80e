import GatewayCore
import JSONValues
import PlaneProtocol
import TextEncodings

/// What libFuzzer calls with each input.
///
/// The first byte says what the rest is: the body of a request to connect, or what stands in a head. Whatever it is, nothing traps; what is
/// refused is refused with a status and a sentence; and what is accepted holds what everything behind it relies on.
@_cdecl("LLVMFuzzerTestOneInput")
package func gatewayFuzzerTestOneInput(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    guard let kind = input.first else { return 0 }
    let rest = Array(input.dropFirst())
    switch kind % 4 {
    case 0: FuzzedBody.check(rest)
    case 1: FuzzedHead.checkTarget(String(decoding: rest, as: UTF8.self))
    case 2: FuzzedHead.checkEscapes(rest)
    default: FuzzedHead.checkTexts(String(decoding: rest, as: UTF8.self))
    }
    return 0
}

/// The body of `POST /ctrl/connect`.
private enum FuzzedBody {
    static func check(_ body: [UInt8]) {
        let request: ConnectRequest
        do throws(GatewayError) {
            request = try ConnectRequest(body: body)
        } catch {
            precondition(error.status == 400 || error.status == 422, "another status")
            precondition(error.shape == .text && !error.message.isEmpty, "a refusal without a sentence")
            return
        }
        let header = VisitorData.header(of: request.auth).utf8
        precondition(header.count <= ConnectRequest.maximumAuthBytes && header.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "a header that none can carry")
        precondition(request.user.map { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } } ?? true, "a control character in a header")
        if let key = request.key {
            precondition((1...LockName.maximumBytes).contains(key.lock.rawValue.utf8.count), "a lock that is too long")
            precondition(BackendKey(namespace: key.namespace, name: key.name, tag: key.tag) == key, "a key that is none")
        }
        guard let spawn = request.spawn else { return }
        precondition(spawn.cluster?.isDomainWithPort ?? true, "a cluster that is no address")
        if case .path(let path)? = spawn.executable.mount {
            let directories = DataMount.path(path).directories
            precondition(
                directories.map { !$0.isEmpty && !$0.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." || $0.contains("/") }) } == true,
                "a mount that leads elsewhere")
        }
        precondition(spawn.executable.resourceLimits.memoryLimitBytes ?? 0 >= 0 && spawn.executable.resourceLimits.diskLimitBytes ?? 0 >= 0, "a negative limit")
        precondition(spawn.lifetimeLimit.map { $0.rawValue >= 1 && $0.rawValue <= 0x7FFF_FFFF } ?? true, "a limit out of range")
    }
}

/// What stands in the head of a request.
private enum FuzzedHead {
    private static let methods = ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT"]

    /// Whatever way a path is written, what is meant for browsers leads to nothing else, and control stands below `/ctrl` alone.
    static func checkTarget(_ target: String) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        for method in self.methods {
            switch RouteTable.match(method: method, path: parts[0]) {
            case .notFound: break
            case .methodNotAllowed(let methods): precondition(!methods.isEmpty && !methods.contains(method), "a method that is allowed")
            case .route(let route):
                precondition(!route.name.isEmpty, "a route without a name")
                if parts[0].hasPrefix("/pub") { precondition(route.audience == .everybody && !route.changes, "/pub leads elsewhere") }
                if route.audience == .control { precondition(parts[0].hasPrefix("/ctrl/"), "control from elsewhere") }
                if parts[0].hasPrefix("/ctrl") { precondition(route.audience == .control, "/ctrl without a right") }
                if route.changes { precondition(method == "POST" || method == "DELETE", "a change by reading") }
            }
        }
        let query = QueryFields(parts.count > 1 ? parts[1] : "")
        precondition(query.fields.count <= 64, "too many fields")
        for (name, _) in query.fields { precondition(query[name] != nil && !query.all(name).isEmpty, "a field that is not found") }
    }

    /// What was escaped is what it was.
    static func checkEscapes(_ bytes: [UInt8]) {
        guard let text = PercentEncoding.decode(bytes) else { return }
        let escaped = PercentEncoding.encode(text)
        precondition(escaped.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "&") }, "an escape is missing")
        precondition(PercentEncoding.decode(escaped.utf8) == text, "another text comes back")
        precondition(QueryFields("a=\(escaped)")["a"] == text, "another field comes back")
    }

    static func checkTexts(_ text: String) {
        if let word = GatewayStatus(rawValue: text) { precondition(word.rawValue == text, "another word") }
        if let base = PublicAddress.base(text) {
            precondition(base.hasPrefix("http://") || base.hasPrefix("https://"), "another scheme")
            precondition(!base.hasSuffix("/"), "a slash at the end")
            let authority = base.drop { $0 != ":" }.dropFirst(3).prefix { $0 != "/" }
            precondition(!authority.contains("@"), "a user part")
        }
        if let cluster = ClusterName(rawValue: text) {
            let address = PublicAddress.ofToken(Secret("t"), in: cluster, subdomain: nil).exposed
            precondition(!address.contains("\r") && !address.contains("\n"), "an address of two lines")
        }
    }
}

/// The package manager gives an executable's entry this name, so libFuzzer's own `main` is not the one that is started.
@_cdecl("gateway_fuzzer_main")
package func gatewayFuzzerMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (count, arguments) = (count, arguments)
    return runDriver(&count, &arguments, gatewayFuzzerTestOneInput)
}

/// Of libFuzzer (FuzzerInterface.h).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

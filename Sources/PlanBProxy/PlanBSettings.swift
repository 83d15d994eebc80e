package import Logging
import NIOCore
package import PlanBPolicy
package import ProxyCore
import RedisClient

/// The settings in the flags, checked.
package struct PlanBSettings: Sendable {
    /// What is wrong with a flag, in one sentence.
    package struct Mistake: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// An address to listen on, with the text of the flag.
    package struct Address: Hashable, Sendable {
        package var text: String
        /// Empty for all addresses of this machine.
        package var host: String
        package var port: UInt16
    }

    package enum AccessLog: Hashable, Sendable {
        case none
        case to(LineWriter.Destination)
    }

    package enum Certificates: Hashable, Sendable {
        case redis
        case folder(String)
    }

    package var listen: Address?
    package var tlsListen: Address?
    package var metrics: Address?
    package var preset: TLSPreset
    package var certificates: Certificates
    package var defaultName: String?
    package var offersHTTP2: Bool
    package var accessLog: AccessLog
    package var checksHealth: Bool
    package var logLevel: Logger.Level
    package var options: PlanBOptions
    package var limits: ProxyLimits

    /// - Parameter environment: may contain passwords.
    package init(_ flags: PlanBFlags, environment: [String: String]) throws(Mistake) {
        guard flags.engine == "native" else { throw Mistake(description: "--engine: \(flags.engine) is not known, only native is") }
        self.listen = flags.listen == "disabled" ? nil : try Self.address(flags.listen, "--listen")
        self.tlsListen = flags.tlsListen.isEmpty ? nil : try Self.address(flags.tlsListen, "--tls-listen")
        self.metrics = flags.metricsAddress.isEmpty ? nil : try Self.address(flags.metricsAddress, "--metrics-address")
        self.preset = TLSPreset(named: flags.tlsPreset)
        self.certificates = flags.loadCertificatesFrom == "redis" ? .redis : .folder(flags.loadCertificatesFrom)
        self.defaultName = flags.tlsDefaultName.isEmpty ? nil : flags.tlsDefaultName
        self.offersHTTP2 = flags.http2
        self.checksHealth = flags.activeHealthcheck
        self.accessLog =
            switch flags.accessLog {
            case "none": .none
            case "syslog": .to(.syslog)
            case "stdout": .to(.standardOutput)
            case let path: .to(.file(path: path))
            }
        guard let level = Logger.Level(rawValue: flags.logLevel) else {
            throw Mistake(description: "--log-level: found \(flags.logLevel), expected debug, info, warning or error")
        }
        self.logLevel = level
        self.options = PlanBOptions(
            reading: try Self.redis(flags, environment, isReading: true), writing: try Self.redis(flags, environment, isReading: false))
        self.limits = try Self.limits(flags)
        try self.readOptions(flags)
    }

    private mutating func readOptions(_ flags: PlanBFlags) throws(Mistake) {
        if !flags.requestIdHeader.isEmpty {
            guard flags.requestIdHeader.utf8.count <= 100, flags.requestIdHeader.utf8.allSatisfy(Self.isTokenCharacter) else {
                throw Mistake(description: "--request-id-header: \(flags.requestIdHeader) is no name of a header field")
            }
            self.options.requestIDHeader = Self.canonical(flags.requestIdHeader)
        }
        self.options.deadSeconds = flags.deadBackendTime == 0 ? 30 : try Self.number(flags.deadBackendTime, 1...31_536_000, "--dead-backend-time")
        self.options.cachesFrontends = flags.backendCache
        self.options.usesWildcards = flags.wildcards || flags.hipache
        self.options.retries = try Self.number(flags.retries ?? (flags.hipache ? 2 : 0), 0...7, "--retries")
        self.options.marksServerErrors = flags.hipache
        self.options.sparesSingleBackends = flags.hipache
        self.options.trustsForwarding = !flags.distrustForwarded
        self.options.requestTimeout = .seconds(flags.requestTimeout)
        self.options.dialTimeout = .seconds(flags.dialTimeout)
    }

    // MARK: Redis

    private static func redis(_ flags: PlanBFlags, _ environment: [String: String], isReading: Bool) throws(Mistake) -> RedisServer {
        let side = isReading ? "--read-redis" : "--write-redis"
        let network = isReading ? flags.readRedisNetwork : flags.writeRedisNetwork
        let host = isReading ? flags.readRedisHost : flags.writeRedisHost
        let sentinels = isReading ? flags.readRedisSentinelAddrs : flags.writeRedisSentinelAddrs
        let master = isReading ? flags.readRedisSentinelName : flags.writeRedisSentinelName
        let location: RedisServer.Location
        if !sentinels.isEmpty {
            guard !master.isEmpty else { throw Mistake(description: "\(side)-sentinel-name: sentinels are asked for a master by its name") }
            var addresses: [RedisServer.SentinelAddress] = []
            for text in sentinels.split(separator: ",").map({ Self.trimmed($0) }) where !text.isEmpty {
                let address = try Self.address(text, "\(side)-sentinel-addrs")
                addresses.append(RedisServer.SentinelAddress(host: address.host.isEmpty ? "127.0.0.1" : address.host, port: Int(address.port)))
            }
            guard !addresses.isEmpty else { throw Mistake(description: "\(side)-sentinel-addrs: there is no address in it") }
            location = .sentinels(addresses, master: master)
        } else {
            switch network {
            case "unix": location = .unix(path: host)
            case "tcp":
                location = .tcp(
                    host: host.isEmpty ? "127.0.0.1" : host,
                    port: try Self.number(isReading ? flags.readRedisPort : flags.writeRedisPort, 1...65_535, "\(side)-port"))
            default: throw Mistake(description: "\(side)-network: found \(network), expected tcp or unix")
            }
        }
        var server = RedisServer(location)
        let given = isReading ? flags.readRedisPassword : flags.writeRedisPassword
        server.password = given.isEmpty ? environment[isReading ? "PLANB_READ_REDIS_PASSWORD" : "PLANB_WRITE_REDIS_PASSWORD"] ?? "" : given
        server.database = try Self.number(isReading ? flags.readRedisDb : flags.writeRedisDb, 0...1_000_000, "\(side)-db")
        return server
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }

    // MARK: Limits

    /// So long that it is no limit in practice, and still far from overflowing a clock.
    private static let never: TimeAmount = .hours(24 * 365)

    private static func limits(_ flags: PlanBFlags) throws(Mistake) -> ProxyLimits {
        var limits = ProxyLimits()
        // As large as in Go's server.
        limits.headBytes = 1024 * 1024
        limits.lineBytes = 1024 * 1024
        limits.fieldCount = 1000
        limits.connections = try self.number(flags.maxConnections, 0...Int(UInt32.max), "--max-connections")
        limits.connectionsPerAddress = 0
        limits.idleUpstreamsPerBackend = 100
        limits.idleUpstreams = 4096
        limits.lookup = .seconds(5)
        let response = try self.number(flags.requestTimeout, 0...31_536_000, "--request-timeout")
        limits.response = response == 0 ? self.never : .seconds(Int64(response))
        let dial = try self.number(flags.dialTimeout, 0...31_536_000, "--dial-timeout")
        limits.connect = dial == 0 ? self.never : .seconds(Int64(dial))
        _ = try self.number(flags.flushInterval, 0...86_400_000, "--flush-interval")

        let read = flags.clientReadTimeout.map { TimeAmount($0.value) }
        if let read {
            // If the whole request has no time limit, pauses in its body have none either.
            limits.requestBodyIdle = read == .zero ? self.never : read
            limits.request = read == .zero ? nil : read
        }
        func limit(_ argument: GoDurationArgument?, else other: TimeAmount) -> TimeAmount {
            let value = argument.map { TimeAmount($0.value) }.flatMap { $0 == .zero ? nil : $0 } ?? read
            guard let value else { return argument == nil ? other : self.never }
            return value == .zero ? self.never : value
        }
        limits.requestHead = limit(flags.clientReadHeaderTimeout, else: limits.requestHead)
        limits.keepAlive = limit(flags.clientIdleTimeout, else: limits.keepAlive)
        if let write = flags.clientWriteTimeout, write.value > .zero { limits.exchange = TimeAmount(write.value) }
        return limits
    }

    private static func number(_ number: Int, _ range: ClosedRange<Int>, _ flag: String) throws(Mistake) -> Int {
        guard range.contains(number) else {
            throw Mistake(description: "\(flag): found \(number), expected a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    // MARK: Text

    /// Parses `host:port`, `:port` or `[v6]:port`.
    static func address(_ text: String, _ flag: String) throws(Mistake) -> Address {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw Mistake(description: "\(flag): found \(text), expected host:port, such as 0.0.0.0:8989 or :8989")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw Mistake(description: "\(flag): found \(text), expected an address of IPv6 in brackets, such as [::1]:8989")
        }
        return Address(text: text, host: String(host), port: port)
    }

    /// A name of a header field as Go writes it: `X-Request-Id`.
    static func canonical(_ name: String) -> String {
        name.split(separator: "-", omittingEmptySubsequences: false).map { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }
            .joined(separator: "-")
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

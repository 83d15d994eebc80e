import ArgumentParser
import NIOCore
import PlanBPolicy
import PlaneTestSupport
import ProxyCore
import RedisClient
import Testing

@testable import PlanBProxy

@Suite("PlanB's flags")
struct ConfigurationTests {
    private static func configuration(_ arguments: String..., environment: [String: String] = [:]) throws -> PlanBSettings {
        let normalized = ArgumentNormalization.normalize(arguments, names: PlanBFlags.names, switches: PlanBFlags.switches)
        return try PlanBSettings(try PlanBFlags.parse(normalized), environment: environment)
    }

    @Test("without any they are PlanB's defaults")
    func defaults() throws {
        let configuration = try Self.configuration()
        #expect(configuration.listen?.text == "0.0.0.0:8989" && configuration.tlsListen == nil && configuration.metrics == nil)
        #expect(configuration.accessLog == .to(.file(path: "./access.log")) && configuration.certificates == .redis && configuration.preset == .modern)
        #expect(configuration.options.reading == RedisServer(.tcp(host: "127.0.0.1", port: 6379)))
        #expect(configuration.options.deadSeconds == 30 && configuration.options.requestIDHeader == nil && !configuration.options.cachesFrontends)
        #expect(configuration.options.retries == 0 && !configuration.options.usesWildcards && configuration.options.trustsForwarding)
        #expect(configuration.limits.response == .seconds(30) && configuration.limits.connect == .seconds(10) && !configuration.checksHealth)
        #expect(configuration.limits.request == nil && configuration.limits.exchange == nil && !configuration.offersHTTP2)
    }

    @Test("every flag of PlanB's is taken, in each way of writing it, and the last one counts")
    func all() throws {
        let configuration = try Self.configuration(
            "-l", "127.0.0.1:1", "--listen=:8080", "-tls-listen", "[::1]:8443", "--tls-preset", "old", "--metrics-address=localhost:9000",
            "--load-certificates-from", "/certs", "--read-redis-network", "unix", "--read-redis-host", "/run/redis.sock", "--read-redis-password=a",
            "--read-redis-db", "2", "--write-redis-sentinel-addrs", " one:26379 , two:26380", "--write-redis-sentinel-name", "m",
            "--access-log", "syslog", "--request-timeout", "5", "--dial-timeout=0", "--client-read-timeout", "1m30s", "--client-write-timeout=500ms",
            "--dead-backend-time", "0", "--flush-interval", "20", "--request-id-header", "x-request-ID", "--active-healthcheck", "--engine", "native",
            "-backend-cache=true", "--write-redis-port", "6380")
        #expect(configuration.listen?.text == ":8080" && configuration.listen?.host == "" && configuration.tlsListen?.host == "::1")
        #expect(configuration.preset == .old && configuration.metrics?.port == 9000 && configuration.certificates == .folder("/certs"))
        #expect(configuration.options.reading.location == .unix(path: "/run/redis.sock") && configuration.options.reading.database == 2)
        #expect(
            configuration.options.writing.location
                == .sentinels([.init(host: "one", port: 26_379), .init(host: "two", port: 26_380)], master: "m"))
        #expect(configuration.accessLog == .to(.syslog) && configuration.limits.response == .seconds(5) && configuration.limits.connect > .hours(1000))
        #expect(
            configuration.limits.request == .seconds(90) && configuration.limits.requestHead == .seconds(90) && configuration.limits.keepAlive == .seconds(90))
        #expect(configuration.limits.exchange == .milliseconds(500) && configuration.options.deadSeconds == 30)
        #expect(configuration.options.requestIDHeader == "X-Request-Id" && configuration.checksHealth && configuration.options.cachesFrontends)
        #expect(try !Self.configuration("--backend-cache=false").options.cachesFrontends)
        let hipache = try Self.configuration("--hipache").options
        #expect(hipache.retries == 2 && hipache.usesWildcards && hipache.marksServerErrors && hipache.sparesSingleBackends)
    }

    @Test(
        "what cannot be used is told with the flag, what was found and what was expected",
        arguments: [
            (["--engine", "sni"], "--engine: sni"), (["--listen", "8989"], "--listen: found 8989"), (["--listen", "::1:80"], "--listen: found ::1:80"),
            (["--read-redis-network", "udp"], "--read-redis-network: found udp"), (["--write-redis-port", "0"], "--write-redis-port: found 0"),
            (["--read-redis-sentinel-addrs", "a:1"], "--read-redis-sentinel-name: "), (["--request-id-header", "a b"], "--request-id-header: a b"),
            (["--request-timeout=-1"], "--request-timeout: found -1"), (["--log-level", "loud"], "--log-level: found loud"),
        ])
    func mistakes(arguments: [String], text: String) throws {
        let flags = try PlanBFlags.parse(ArgumentNormalization.normalize(arguments, names: PlanBFlags.names, switches: PlanBFlags.switches))
        let mistake = #expect(throws: PlanBSettings.Mistake.self) { try PlanBSettings(flags, environment: [:]) }
        #expect(mistake?.description.hasPrefix(text) == true)
    }

    @Test(
        "a duration without a unit, an unknown flag and a word for a number are usage errors",
        arguments: [
            ["--client-read-timeout", "5"], ["--nonsense"], ["--dead-backend-time", "soon"],
        ])
    func usage(arguments: [String]) {
        #expect(throws: (any Error).self) { try PlanBFlags.parse(arguments) }
    }

    @Test("passwords may stand in the environment, where nobody who lists processes sees them, and are not described")
    func passwords() throws {
        let configuration = try Self.configuration(environment: ["PLANB_READ_REDIS_PASSWORD": "hush"])
        #expect(configuration.options.reading.password == "hush" && configuration.options.writing.password == "")
        #expect(!configuration.options.reading.description.contains("hush"))
    }
}

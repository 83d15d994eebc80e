@testable import DockerEngine
import Foundation
import Testing

@Suite("Replies of the daemon")
struct ReplyDecodingTests {
    private static func decode<Reply: Decodable>(_ type: Reply.Type, _ text: String) throws -> Reply {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    @Test("statistics leave out page cache, by the rule of either cgroup version")
    func memory() throws {
        let first = try Self.decode(
            ContainerStats.self, #"{"memory_stats":{"usage":100,"limit":500,"stats":{"cache":30,"inactive_file":10}}}"#)
        #expect(first.memoryUsedBytes == 70)
        #expect(first.memoryLimitBytes == 500)
        let second = try Self.decode(ContainerStats.self, #"{"memory_stats":{"usage":100,"stats":{"inactive_file":10}}}"#)
        #expect(second.memoryUsedBytes == 90)
        let odd = try Self.decode(ContainerStats.self, #"{"memory_stats":{"usage":5,"stats":{"cache":10}}}"#)
        #expect(odd.memoryUsedBytes == 0)
    }

    @Test("statistics may lack anything (A20)", arguments: ["{}", #"{"memory_stats":{},"cpu_stats":{"cpu_usage":{}},"pids_stats":{}}"#])
    func missing(text: String) throws {
        #expect(try Self.decode(ContainerStats.self, text) == ContainerStats())
    }

    @Test("a container on several networks has one address, the same every time (A29)")
    func addresses() throws {
        let both = try Self.decode(
            ContainerInspection.self,
            """
            {"Id":"c1","Name":"/plane-b","State":{"Status":"running","Running":true},
             "NetworkSettings":{"IPAddress":"","Networks":{"zoo":{"IPAddress":"10.2.0.2"},"app":{"IPAddress":"10.1.0.2"},"none":{"IPAddress":""},"null":null}}}
            """)
        #expect(both.name == "plane-b")
        #expect(both.address() == "10.1.0.2")
        #expect(both.address(on: "zoo") == "10.2.0.2")
        #expect(both.address(on: "elsewhere") == "10.1.0.2")
        let bridged = try Self.decode(
            ContainerInspection.self,
            """
            {"Id":"c1","State":{"Status":"running"},"NetworkSettings":{"IPAddress":"172.17.0.2","Networks":{"app":{"IPAddress":"10.1.0.2"}}}}
            """)
        #expect(bridged.address() == "172.17.0.2")
        #expect(bridged.state.isRunning)
        let modern = try Self.decode(
            ContainerInspection.self,
            """
            {"Id":"c1","State":{"Status":"running"},"NetworkSettings":{"Networks":{"v6":{"IPAddress":"","GlobalIPv6Address":"2001:db8::7"}}}}
            """)
        #expect(modern.address() == "2001:db8::7")
    }

    @Test("an end may have any 64-bit code, and a word nobody knows (A20)")
    func odd() throws {
        let state = try Self.decode(
            ContainerState.self, #"{"Status":"hibernating","ExitCode":-9223372036854775808,"FinishedAt":"0001-01-01T00:00:00Z","Error":""}"#)
        #expect(state.status == .other("hibernating"))
        #expect(!state.isRunning)
        #expect(state.exitCode == .min)
        #expect(state.finishedAt == nil)
        #expect(state.error == nil)
        #expect(try Self.decode(ContainerExit.self, #"{"StatusCode":4294967295,"Error":null}"#).code == 4_294_967_295)
    }

    @Test("a list is read without names or labels")
    func list() throws {
        let list = try Self.decode(
            [ContainerSummary].self, #"[{"Id":"c1","Names":["/plane-b","/x/alias"],"State":"exited","Created":12},{"Id":"c2","Labels":null}]"#)
        #expect(list.map(\.names) == [["plane-b", "x/alias"], []])
        #expect(list.map(\.status) == [.exited, .other("")])
    }

    @Test("a container's id or name is never more than a part of a path", arguments: ["", "a/b", "../x", "a?b", ".hidden", "a b", "ä"])
    func ids(text: String) {
        #expect(ContainerID(rawValue: text) == nil)
    }
}

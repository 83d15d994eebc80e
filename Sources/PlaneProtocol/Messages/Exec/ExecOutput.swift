/// Asks for the next output of a program begun by an `ExecRequest`, and acknowledges the piece before. An addition to 0.3.24.
///
/// The agent answers as soon as there is output, or after `ExecOutput.longestWait` that there is none yet. It keeps each piece until the next one is asked
/// for, so a request may be repeated. If nothing is asked for `ExecOutput.abandonedAfter`, the operator counts as gone, and the program is ended.
package struct ExecOutputRequest: Hashable, Sendable {
    package var cluster: ClusterName
    package var drone: DroneID
    package var exec: ExecID
    /// The number of the last piece that was received; 0 before the first.
    package var after: UInt64

    package init(cluster: ClusterName, drone: DroneID, exec: ExecID, after: UInt64) {
        self.cluster = cluster
        self.drone = drone
        self.exec = exec
        self.after = after
    }
}

/// The answer to an `ExecOutputRequest`.
package enum ExecOutput: Hashable, Sendable {
    package enum Stream: String, CaseIterable, JSONText { case stdout, stderr }

    /// There is no output yet; ask again.
    case nothingYet
    case piece(number: UInt64, Stream, Base64Text)
    /// The program has ended; for a copy the code is 0.
    case ended(number: UInt64, exitCode: Int64)
    /// The program or copy broke off: the container has ended, Docker has failed, or the copy failed.
    case failed(number: UInt64, String)

    /// The most bytes of one piece.
    package static let largestPiece = ExecInput.largestData
    /// Less than the time for which requests wait for an answer.
    package static let longestWait: Duration = .seconds(5)
    package static let abandonedAfter: Duration = .seconds(30)
}

extension ExecOutputRequest: PlaneRequest {
    package typealias Reply = ExecOutput

    package static let subscription = "cluster.*.drone.*.exec.output"

    package var subject: String { Self.subject(cluster: self.cluster, drone: self.drone) }

    package static func subject(cluster: ClusterName, drone: DroneID) -> String { "cluster.\(cluster.subjectToken).drone.\(drone).exec.output" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.drone = try json.required("drone")
        self.exec = try json.required("exec")
        self.after = try json.required("after")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("drone", self.drone)
            $0.field("exec", self.exec)
            $0.field("after", self.after)
        }
    }
}

extension ExecOutput: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        guard let number: UInt64 = try json.optional("number") else {
            self = .nothingYet
            return
        }
        if let code: Int64 = try json.optional("exit_code") {
            self = .ended(number: number, exitCode: code)
        } else if let text: String = try json.optional("failure") {
            self = .failed(number: number, text)
        } else {
            self = .piece(number: number, try json.required("stream"), try json.required("data"))
        }
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            switch self {
            case .nothingYet: break
            case .piece(let number, let stream, let data):
                $0.field("number", number)
                $0.field("stream", stream)
                $0.field("data", data)
            case .ended(let number, let code):
                $0.field("number", number)
                $0.field("exit_code", code)
            case .failed(let number, let text):
                $0.field("number", number)
                $0.field("failure", text)
            }
        }
    }
}

package import JSONValues

/// One log event, published by a process to all that listen (M15). No stream keeps it.
package struct LogMessage: Hashable, Sendable {
    package enum Component: Hashable, Sendable {
        case controller
        case drone(DroneID)
    }

    package enum Severity: String, JSONText, CaseIterable, Codable {
        case error = "ERROR"
        case warn = "WARN"
        case info = "INFO"
        case debug = "DEBUG"
        case trace = "TRACE"
    }

    package var component: Component
    /// The part of the program that has logged the event.
    package var target: String
    /// The place in the source.
    package var name: String
    package var severity: Severity
    package var time: WireTime
    /// The metadata, with the event's text under the key `message`.
    package var fields: [String: JSONValue]

    package init(
        component: Component, target: String, name: String, severity: Severity, time: WireTime, fields: [String: JSONValue]
    ) {
        self.component = component
        self.target = target
        self.name = name
        self.severity = severity
        self.time = time
        self.fields = fields
    }
}

extension LogMessage: PlaneMessage {
    package static let subscription = "logs.>"

    package var subject: String {
        switch self.component {
        case .controller: "logs.controller"
        case .drone(let drone): "logs.drone.\(drone)"
        }
    }

    package init(json: JSONNode) throws(MessageError) {
        self.component = try json.required("component")
        self.target = try json.required("target")
        self.name = try json.required("name")
        self.severity = try json.required("severity")
        self.time = try json.required("time")
        self.fields = try json.required("fields")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("component", self.component)
            $0.field("target", self.target)
            $0.field("name", self.name)
            $0.field("severity", self.severity)
            $0.field("time", self.time)
            $0.field("fields", self.fields)
        }
    }
}

extension LogMessage.Component: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        let type: String = try json.required("type")
        switch type {
        case "Controller": self = .controller
        case "Drone": self = .drone(try json.required("drone_id"))
        default:
            throw MessageError(path: [.key("type")], expected: "one of Controller, Drone", found: MessageError.excerpt(type))
        }
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            switch self {
            case .controller:
                $0.field("type", "Controller")
            case .drone(let drone):
                $0.field("type", "Drone")
                $0.field("drone_id", drone)
            }
        }
    }
}

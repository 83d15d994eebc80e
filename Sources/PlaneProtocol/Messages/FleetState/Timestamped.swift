/// A state with the time it was written at, in the form fleet-state messages give both: `{"state":"Ready","timestamp":1710148530456}`.
struct Timestamped<State: JSONDecodable>: JSONDecodable {
    let value: State
    let timestamp: StateTime

    init(json: JSONNode) throws(MessageError) {
        self.value = try json.required("state")
        self.timestamp = try json.required("timestamp")
    }
}

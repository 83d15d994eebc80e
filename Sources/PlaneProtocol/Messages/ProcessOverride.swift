/// How a container's process is started, if not as the image says. An addition to 0.3.24.
package struct ProcessOverride: Hashable, Sendable {
    /// Replaces the image's entry point, and with it the image's command, like `docker run --entrypoint`.
    package var command: [String]?
    /// Replaces the image's command.
    package var args: [String]?
    /// An absolute path.
    package var workingDirectory: String?
    /// The user as in `docker run --user`: a name or number, optionally with a group after a colon.
    package var user: String?
    /// Labels of the container, in addition to the agent's own.
    package var labels: [String: String]

    /// How many words `command` and `args` may have each.
    package static let maximumWords = 1024
    package static let maximumLabels = 64
    /// The longest label in bytes, name and value together.
    package static let maximumLabelBytes = 4096
    /// The longest user or path in bytes (`PATH_MAX`).
    package static let maximumTextBytes = 4095
    /// Labels with these prefixes belong to the agent, which finds its containers by them, or to Docker.
    package static let reservedLabelPrefixes = ["dev.plane.", "com.docker."]

    package init(
        command: [String]? = nil, args: [String]? = nil, workingDirectory: String? = nil, user: String? = nil, labels: [String: String] = [:]
    ) {
        self.command = command
        self.args = args
        self.workingDirectory = workingDirectory
        self.user = user
        self.labels = labels
    }

    init(in json: JSONNode) throws(MessageError) {
        self.command = try json.optional("command")
        self.args = try json.optional("args")
        self.workingDirectory = try json.optional("working_dir", atMost: Self.maximumTextBytes)
        self.user = try json.optional("user", atMost: Self.maximumTextBytes)
        self.labels = try json.optional("labels") ?? [:]
    }

    func write(to object: inout JSONWriter.Object) {
        object.fieldIfPresent("command", self.command)
        object.fieldIfPresent("args", self.args)
        object.fieldIfPresent("working_dir", self.workingDirectory)
        object.fieldIfPresent("user", self.user)
        object.fieldIfPresent("labels", self.labels.isEmpty ? nil : self.labels)
    }

    /// Refuses values that would only fail when the container is made, and labels by which the agent would lose it.
    func check() throws(MessageError) {
        for (key, words) in [("command", self.command ?? []), ("args", self.args ?? [])] {
            guard words.count <= Self.maximumWords else {
                throw MessageError(path: [.key(key)], expected: "at most \(Self.maximumWords) words", found: "\(words.count)")
            }
            for (index, word) in words.enumerated() where word.utf8.contains(0) {
                throw MessageError(path: [.key(key), .index(index)], expected: "text without NUL", found: "a NUL")
            }
        }
        if self.command?.isEmpty == true || self.command?.first?.isEmpty == true {
            throw MessageError(path: [.key("command")], expected: "a program, or no such key for the image's own", found: "an empty one")
        }
        if let directory = self.workingDirectory, !directory.hasPrefix("/") || directory.utf8.contains(0) {
            throw MessageError(
                path: [.key("working_dir")], expected: "an absolute path in the container", found: MessageError.excerpt(directory))
        }
        if let user = self.user, user.isEmpty || user.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) {
            throw MessageError(path: [.key("user")], expected: "a user such as 1000 or app:www", found: MessageError.excerpt(user))
        }
        try self.checkLabels()
    }

    private func checkLabels() throws(MessageError) {
        guard self.labels.count <= Self.maximumLabels else {
            throw MessageError(path: [.key("labels")], expected: "at most \(Self.maximumLabels) labels", found: "\(self.labels.count)")
        }
        for (name, value) in self.labels.sorted(by: { $0.key < $1.key }) {
            let path: [MessageError.Step] = [.key("labels"), .key(name)]
            guard !name.isEmpty, !name.utf8.contains(0), !value.utf8.contains(0) else {
                throw MessageError(path: path, expected: "a name, and texts without NUL", found: "something else")
            }
            guard name.utf8.count + value.utf8.count <= Self.maximumLabelBytes else {
                throw MessageError(path: path, expected: "at most \(Self.maximumLabelBytes) bytes with its name", found: "more")
            }
            if let prefix = Self.reservedLabelPrefixes.first(where: { name.hasPrefix($0) }) {
                throw MessageError(path: path, expected: "a label that does not begin with \(prefix)", found: "one that does")
            }
        }
    }
}

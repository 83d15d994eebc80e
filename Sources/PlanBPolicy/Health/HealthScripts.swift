import RedisClient

/// Scripts for the steps of a health check in Redis. PlanB watches keys and repeats a step when another process was faster (WATCH, MULTI, EXEC). A script
/// runs without interruption, and leads to the same keys and values.
enum HealthScripts {
    /// Takes or renews a lock for the holder ARGV[1]; returns 0 if another process has it.
    private static let take = """
        local holder = redis.call('GET', KEYS[1])
        if holder and holder ~= ARGV[1] then return 0 end
        redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
        return 1
        """

    /// Deletes a lock if the holder ARGV[1] still has it.
    private static let release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

    /// Marks a backend (ARGV[1]) dead for ARGV[2] seconds, or removes its marks if ARGV[2] is 0, at every place in the first list that has backends. KEYS[1]
    /// is the set of marks, the others are the lists. Returns the number of places.
    private static let settle = """
        for i = 2, #KEYS do
            local list = redis.call('LRANGE', KEYS[i], 1, -1)
            if #list > 0 then
                local count = 0
                for number, entry in ipairs(list) do
                    if entry == ARGV[1] then
                        count = count + 1
                        if ARGV[2] == '0' then redis.call('SREM', KEYS[1], number - 1) else redis.call('SADD', KEYS[1], number - 1) end
                    end
                end
                if count > 0 and ARGV[2] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
                return count
            end
        end
        return 0
        """

    static func take(_ key: [UInt8], as holder: String, seconds: Int) -> RedisCommand {
        self.command(self.take, [key], [Array(holder.utf8), Array("\(seconds)".utf8)])
    }

    static func release(_ key: [UInt8], of holder: String) -> RedisCommand {
        self.command(self.release, [key], [Array(holder.utf8)])
    }

    /// - Parameter deadSeconds: nil removes the marks.
    static func settle(_ backend: [UInt8], marks: [UInt8], lists: [[UInt8]], deadSeconds: Int?) -> RedisCommand {
        self.command(self.settle, [marks] + lists, [backend, Array("\(deadSeconds ?? 0)".utf8)])
    }

    private static func command(_ script: String, _ keys: [[UInt8]], _ arguments: [[UInt8]]) -> RedisCommand {
        RedisCommand("EVAL", arguments: [Array(script.utf8), Array("\(keys.count)".utf8)] + keys + arguments)
    }
}

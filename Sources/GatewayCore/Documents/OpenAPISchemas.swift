/// The schemas of bodies, as JSON Schema (draft 2020-12).
enum OpenAPISchemas {
    static let text = #"""
        {
          "Null": {"type": "null"},
          "Text": {"type": "string"},
          "Description": {"type": "object"},
          "Health": {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}},
          "ControllerStatus": {"type": "object", "required": ["status", "version", "hash"],
            "properties": {"status": {"const": "ok"}, "version": {"type": "string"}, "hash": {"type": "string"}}},
          "Updated": {"type": "object", "required": ["updated"], "properties": {"updated": {"type": "boolean"}}},
          "Error": {"type": "object", "required": ["id", "kind", "message"],
            "properties": {
              "id": {"type": "string"},
              "kind": {"enum": ["KeyUnheldNoSpawnConfig", "KeyHeld", "FailedToRemoveKey", "NoClusterProvided", "FailedToAcquireKey", "NoDroneAvailable",
                "NotFound", "InvalidClusterName", "KeyHeldUnhealthy", "DatabaseError", "Other"]},
              "message": {"type": "string"}, "detail": {"type": "string"}}},
          "GatewayStatus": {"enum": ["scheduled", "loading", "starting", "waiting", "ready", "terminating", "hard-terminating", "terminated"]},
          "Phases": {"type": "object", "additionalProperties": {"type": "integer"}},
          "Status": {"type": "object", "required": ["status", "time"],
            "properties": {
              "status": {"$ref": "#/components/schemas/GatewayStatus"}, "time": {"type": "integer", "description": "Milliseconds since 1970."},
              "termination_reason": {"enum": ["swept", "external", "keyexpired", "lost", "startuptimeout", "internalerror"]},
              "termination_kind": {"enum": ["soft", "hard"]}, "exit_error": {"type": "boolean"}, "error": {"type": "string"}, "cause": {"type": "string"},
              "phases": {"$ref": "#/components/schemas/Phases"}}},
          "Key": {"type": "object", "required": ["name"],
            "properties": {"name": {"type": "string"}, "namespace": {"type": "string", "default": ""}, "tag": {"type": "string", "default": ""}}},
          "Executable": {"type": "object", "required": ["image"],
            "properties": {
              "image": {"type": "string"}, "pull_policy": {"enum": ["IfNotPresent", "Always", "Never", null]},
              "credentials": {"type": ["object", "null"], "required": ["username", "password"],
                "properties": {"username": {"type": "string"}, "password": {"type": "string"}}},
              "env": {"type": "object", "additionalProperties": {"type": "string"}},
              "resource_limits": {"type": "object", "properties": {
                "cpu_period": {"type": ["integer", "null"]}, "cpu_period_percent": {"type": ["integer", "null"], "minimum": 0, "maximum": 255},
                "cpu_time_limit": {"type": ["integer", "null"]}, "memory_limit_bytes": {"type": ["integer", "null"], "minimum": 0},
                "disk_limit_bytes": {"type": ["integer", "null"], "minimum": 0}}},
              "mount": {"type": ["boolean", "string", "null"]}, "network_name": {"type": ["string", "null"]}}},
          "SpawnConfig": {"type": "object", "required": ["executable"],
            "properties": {
              "id": {"type": ["string", "null"]}, "cluster": {"type": ["string", "null"]}, "pool": {"type": "string", "default": ""},
              "executable": {"$ref": "#/components/schemas/Executable"},
              "lifetime_limit_seconds": {"type": ["integer", "null"], "minimum": 1, "maximum": 2147483647},
              "max_idle_seconds": {"type": ["integer", "null"], "minimum": 0, "maximum": 2147483647},
              "use_static_token": {"type": "boolean", "default": false}, "subdomain": {"type": ["string", "null"]}}},
          "ConnectRequest": {"type": "object",
            "properties": {
              "key": {"oneOf": [{"$ref": "#/components/schemas/Key"}, {"type": "null"}]},
              "spawn_config": {"oneOf": [{"$ref": "#/components/schemas/SpawnConfig"}, {"type": "null"}]},
              "user": {"type": ["string", "null"]}, "auth": {"type": "object", "default": {}},
              "token": {"type": ["object", "null"], "properties": {"kind": {"enum": ["opaque", "signed", null]}, "for": {"enum": ["backend", "key", null]},
                "lifetime_seconds": {"type": ["integer", "null"], "minimum": 1, "maximum": 315360000}}}}},
          "ConnectResponse": {"type": "object",
            "required": ["backend_id", "spawned", "status", "token", "url", "subdomain", "secret_token", "status_url", "drone"],
            "properties": {
              "backend_id": {"type": "string"}, "spawned": {"type": "boolean"}, "status": {"$ref": "#/components/schemas/GatewayStatus"},
              "token": {"type": "string"}, "url": {"type": "string"}, "subdomain": {"type": ["string", "null"]},
              "secret_token": {"type": ["string", "null"]}, "status_url": {"type": "string"}, "drone": {"type": ["string", "null"]},
              "backend_url": {"type": "string"}, "token_expires": {"type": "integer", "description": "Milliseconds since 1970."},
              "ready_in_ms": {"type": "integer", "description": "When the drone expects the backend to be ready."}}},
          "RevokeRequest": {"type": "object", "required": ["backend_id", "user"],
            "properties": {"backend_id": {"type": "string"}, "user": {"type": "string"}}},
          "RevocationRequest": {"type": "object", "description": "One of token, token_id, user, key, backend_id, or backend_id and user.",
            "properties": {"token": {"type": "string"}, "token_id": {"type": "string", "minLength": 1, "maxLength": 128}, "user": {"type": "string"},
              "key": {"$ref": "#/components/schemas/Key"}, "backend_id": {"type": "string"}}},
          "RevocationOutcome": {"type": "object", "required": ["proxies", "answered", "ended"],
            "properties": {"proxies": {"type": "integer"}, "answered": {"type": "integer"}, "ended": {"type": "integer"}}},
          "TokenKeys": {"type": "object", "required": ["keys"], "properties": {"keys": {"type": "array", "items": {"type": "object"}}}},
          "Node": {"type": "object", "required": ["name", "plane_version", "plane_hash", "controller", "controller_heartbeat_age"],
            "properties": {
              "name": {"type": "object"}, "plane_version": {"type": "string"}, "plane_hash": {"type": "string"}, "controller": {"type": "string"},
              "controller_heartbeat_age": {"type": "integer"}}},
          "ClusterState": {"type": "object", "required": ["drones", "proxies"],
            "properties": {
              "drones": {"type": "array", "items": {"type": "object", "required": ["ready", "draining", "last_heartbeat_age", "backend_count", "node"],
                "properties": {"ready": {"type": "boolean"}, "draining": {"type": "boolean"}, "last_heartbeat_age": {"type": "integer"},
                  "backend_count": {"type": "integer"}, "node": {"$ref": "#/components/schemas/Node"}}}},
              "proxies": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}}},
          "BackendSummary": {"type": "object", "required": ["backend_id", "cluster", "status"],
            "properties": {
              "backend_id": {"type": "string"}, "cluster": {"type": "string"}, "drone": {"type": ["string", "null"]},
              "status": {"oneOf": [{"$ref": "#/components/schemas/GatewayStatus"}, {"type": "null"}]}, "state": {"type": ["string", "null"]},
              "time": {"type": ["integer", "null"]}, "key": {"type": ["object", "null"]}, "tag": {"type": "string"}, "lock": {"type": "string"}}},
          "BackendPage": {"type": "object", "required": ["backends", "next"],
            "properties": {"backends": {"type": "array", "items": {"$ref": "#/components/schemas/BackendSummary"}}, "next": {"type": ["string", "null"]}}},
          "BackendLogLine": {"type": "object", "required": ["stream", "text"],
            "properties": {"stream": {"enum": ["stdout", "stderr", "meta"]}, "time": {"type": "string"}, "text": {"type": "string"},
              "continues": {"const": true}}},
          "Logs": {"type": "object", "required": ["lines"], "properties": {"lines": {"type": "array", "items": {"$ref": "#/components/schemas/BackendLogLine"}}}},
          "Backend": {"allOf": [{"$ref": "#/components/schemas/BackendSummary"}, {"type": "object", "required": ["statuses", "last_lines"],
            "properties": {
              "holds_key": {"type": "boolean"}, "statuses": {"type": "array", "items": {"$ref": "#/components/schemas/Status"}},
              "phases": {"$ref": "#/components/schemas/Phases"}, "diagnosis": {"type": "string"}, "cause": {"type": "string"},
              "exit_code": {"type": "integer"}, "message": {"type": "string"}, "requested_by": {"type": "string"},
              "last_lines": {"type": "array", "items": {"$ref": "#/components/schemas/BackendLogLine"}}}}]},
          "Metrics": {"type": "object"}
        }
        """#
}

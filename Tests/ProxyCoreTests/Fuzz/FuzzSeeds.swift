/// Messages to begin with: each good, each a little different.
enum FuzzSeeds {
    static let requests = [
        "GET / HTTP/1.1\r\nHost: b.plane.test\r\n\r\n",
        "GET /a/b?c=d HTTP/1.1\r\nHost: b.plane.test:8080\r\nAccept: */*\r\nUser-Agent: x y\r\nCookie: a=b; _plane_auth=t; c=d\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: b.plane.test\r\nContent-Length: 4\r\n\r\nwiki",
        "POST / HTTP/1.1\r\nHost: b.plane.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n",
        "PUT /x HTTP/1.1\r\nHost: b.plane.test\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\nA\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: b.plane.test\r\nTransfer-Encoding:\tchunked \t\r\n\r\n4;a=b\r\nwiki\r\n5;c=\"d;\\\"e\";f\r\npedia\r\n0;g\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: b.plane.test\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b;c\r\nwiki\r\n0;d=\"e\"\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: b.plane.test\r\nContent-Length:\t4 \t\r\nConnection:\tkeep-alive\t\r\n\r\nwiki",
        "GET /ws HTTP/1.1\r\nHost: b.plane.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: b.plane.test\r\nConnection: keep-alive\r\n\r\n",
        "GET http://b.plane.test/x?y HTTP/1.1\r\nHost: b.plane.test\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: b.plane.test\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: [::1]:80\r\nX-Hop: 1\r\nConnection: X-Hop\r\nX-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1\r\nX_Original_URL: /\r\n\r\n",
        "DELETE / HTTP/1.1\r\nHost:b.plane.test\r\nEmpty:\r\nBlank:  \t \r\nTabs:\ta\tb\t\r\n\r\n",
    ]

    static let responses = [
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwiki",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n0\r\nX-Trailer: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a;b=\"c\"\r\nwiki\r\n0;d=e\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 404\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
        "HTTP/1.1 500 Very Bad\r\nContent-Length: 1\r\nX-Hop: 1\r\nConnection: x-hop\r\nUpgrade: h2c\r\nSet-Cookie: a=b\r\n\r\nx",
    ]
}

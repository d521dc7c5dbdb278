"""Cases of policies/registry/edge.py."""

from policies.registry import edge
from policies.values import UNKNOWN
from tests.policies.case import Cases, Says, With
from tests.policies.containers import TLS_SERVER, nginx, server

GOOD = nginx(server(TLS_SERVER))
OTHER = {"image": "nginx:1.28.0-alpine"}
UNKNOWN_FILE = nginx(UNKNOWN)
REDIRECT = "server { listen 80; location / { return 308 https://$host$request_uri; } }"


def with_tls(inside: str, around: str = "") -> dict[str, object]:
    """A server with TLS and these directives."""
    return nginx(server(f"listen 443 ssl; {inside}", around))


CASES = [
    Cases(
        edge.LISTENS,
        compliant={
            "TLS": GOOD,
            "a redirect": nginx(server("listen 80;\nlisten [::]:80;\nreturn 301 https://$host$request_uri;")),
            "a redirect in its only location": nginx(f"events {{}} http {{ {REDIRECT} }}"),
            "the container's own": nginx(server("listen 127.0.0.1:8081; location / { return 404; }")),
            "a piece for conf.d": nginx(f"server {{ {TLS_SERVER} }}", "/etc/nginx/conf.d/registry.conf"),
            "before nginx 1.25": nginx(server("listen 443; ssl on;")),
            "a redirect beside an ACME challenge": nginx(
                server(
                    "listen 80; location /.well-known/acme-challenge/ { root /acme; } location / { return 301 https://$host$request_uri; }"
                )
            ),
            "a condition on the scheme": nginx(
                server("listen 80; listen 443 ssl; if ($scheme = http) { return 301 https://$host; } location / { proxy_pass http://r; }")
            ),
            "a rewrite": nginx(server("listen 80; rewrite ^ https://$host$request_uri? permanent;")),
            "a server that refuses everybody": nginx(server("listen 80 default_server; return 444;")),
            "braces in texts": nginx(server('listen 443 ssl; location / { return 400 \'{"errors": ["}"]}\'; } # listen 80; {')),
        },
        violating={
            "plain": Says(("line 5: `listen 80`",), nginx(server("listen 80; location / { proxy_pass http://registry; }"))),
            "plain beside TLS": nginx(server("listen 443 ssl; listen 8080; location / { proxy_pass http://registry; }")),
            "a redirect to http": nginx(server("listen 80; return 301 http://example.com$request_uri;")),
            "a condition on something else": nginx(
                server("listen 80; if ($request_method = PUT) { return 301 https://$host; } location / { proxy_pass http://r; }")
            ),
            "a rewrite to another path": nginx(server("listen 80; rewrite ^/v1/ /v2/; location / { proxy_pass http://r; }")),
            "a redirect to its own scheme": nginx(server("listen 80; return 301 $scheme://example.com$request_uri;")),
            "a redirect of some": nginx(
                server("listen 80; location /a { return 301 https://$host$request_uri; } location / { proxy_pass http://registry; }")
            ),
            "no listen at all": Says(("listen 80",), nginx(server("location / { proxy_pass http://registry; }"))),
            "a piece for conf.d": nginx("server { listen 8080; }", "/etc/nginx/conf.d/registry.conf"),
        },
        default=OTHER,
        default_violates=False,
        unknown={"content": UNKNOWN_FILE, "files": {"uploads": UNKNOWN}},
        ignored={
            "a file of another program": nginx("server: [", "/etc/nginx/nginx.conf"),
            "another file": nginx("server { listen 80; }", "/etc/app.conf"),
        },
    ),
    Cases(
        edge.PROTOCOLS,
        compliant={
            "both": GOOD,
            "of http": with_tls("", "ssl_protocols TLSv1.3;"),
            "a parameter": With({"allowed": ["TLSv1.3"]}, with_tls("ssl_protocols TLSv1.3;")),
        },
        violating={
            "TLS 1.0": Says(("TLSv1, TLSv1.1",), with_tls("ssl_protocols TLSv1 TLSv1.1 TLSv1.2;")),
            "the server's own over http's": with_tls("ssl_protocols SSLv3;", "ssl_protocols TLSv1.2;"),
            "not set": Says(("not set",), with_tls("")),
            "a parameter": With({"allowed": ["TLSv1.3"]}, GOOD),
        },
        default=OTHER,
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
        ignored={"no TLS": nginx(server("listen 80; ssl_protocols SSLv3;"))},
    ),
    Cases(
        edge.CIPHERS,
        compliant={
            "suites": GOOD,
            "nginx's default": with_tls("ssl_ciphers HIGH:!aNULL:!MD5;"),
            "not set": with_tls(""),
            "weak ones taken away": with_tls("ssl_ciphers 'ECDHE+AESGCM:!RC4:!3DES:-DES:@STRENGTH';"),
        },
        violating={
            "RC4": Says(("RC4-SHA",), with_tls("ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:RC4-SHA;")),
            "3DES": with_tls("ssl_ciphers DES-CBC3-SHA;"),
            "everything": with_tls("ssl_ciphers ALL:!aNULL;"),
            "no encryption": with_tls("ssl_ciphers NULL-SHA256;"),
            "anonymous": with_tls("ssl_ciphers ADH-AES128-SHA;"),
            "export": with_tls("ssl_ciphers EXP-RC2-CBC-MD5;"),
            "no forward secrecy": Says(("AES128-GCM-SHA256",), with_tls("ssl_ciphers AES128-GCM-SHA256;")),
            "of http": with_tls("", "ssl_ciphers LOW;"),
        },
        default=OTHER,
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
        ignored={"no TLS": nginx(server("listen 80; ssl_ciphers ALL;"))},
    ),
    Cases(
        edge.FORWARDED,
        compliant={
            "https": with_tls("location / { proxy_set_header X-Forwarded-Proto https; }"),
            "its own scheme": with_tls("proxy_set_header X-Forwarded-Proto $scheme;"),
        },
        violating={
            "the client's": Says(
                ("$http_x_forwarded_proto",), with_tls("location / { proxy_set_header X-Forwarded-Proto $http_x_forwarded_proto; }")
            ),
            "http": with_tls("proxy_set_header x-forwarded-proto http;"),
        },
        default=GOOD,
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
    ),
    Cases(
        edge.UPSTREAM,
        compliant={"checked": with_tls("proxy_ssl_verify on; location / { proxy_pass https://registry:5000; }")},
        violating={
            "not checked": Says(("proxy_ssl_verify",), with_tls("location / { proxy_pass https://registry:5000; }")),
            "off": with_tls("proxy_ssl_verify off; location / { proxy_pass https://registry:5000; }"),
        },
        default=GOOD,
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
    ),
]

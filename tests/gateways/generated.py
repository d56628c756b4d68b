"""The configurations that controllers of Kubernetes make of the examples: of Envoy, Istio and Envoy Gateway; of nginx, ingress-nginx.

The shapes are those of their sources: Istio's `pilot/pkg/security/authz/builder`, Envoy Gateway's
`internal/xds/translator`, ingress-nginx's `rootfs/etc/nginx/template/nginx.tmpl`. All else is from `examples`."""

import json

import yaml

from gateways import EnvoyHttp, Nginx
from processes import PROJECT

HTTP = "type.googleapis.com/envoy.extensions.filters"
HCM = f"{HTTP}.network.http_connection_manager.v3.HttpConnectionManager"


def documents(path):
    return list(yaml.safe_load_all((PROJECT / "examples" / path).read_text("utf-8")))


def of_kind(all_, kind):
    [found] = [each for each in all_ if each["kind"] == kind]
    return found


def cluster(name, port, **more):
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        **more,
    }


def envoy(ports, manager, clusters):
    chain = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": {"@type": HCM, **manager}}
        ]
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": ports["gateway"]}}
    return {
        "static_resources": {
            "listeners": [{"name": "l", "address": address, "filter_chains": [chain]}],
            "clusters": clusters,
        }
    }


def pattern(header):
    """A name of a header, as both of them read it: `x-*` is all that begin so."""
    if header.endswith("*"):
        return {"prefix": header[:-1], "ignore_case": True}
    return {"exact": header, "ignore_case": True}


def patterns(headers):
    return {"patterns": [pattern(header) for header in headers]}


def router():
    return {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{HTTP}.http.router.v3.Router"}}


def by_istio(ports):
    """Of an inbound listener of a sidecar (`pilot/pkg/security/authz/builder`)."""
    [mesh] = documents("istio/mesh.yaml")
    config = mesh["spec"]["meshConfig"]
    [provider] = config["extensionProviders"]
    http = provider["envoyExtAuthzHttp"]
    all_ = documents("istio/policy.yaml")
    policy = of_kind(all_, "AuthorizationPolicy")
    assert policy["spec"]["action"] == "CUSTOM" and policy["spec"]["provider"]["name"] == provider["name"]
    assert policy["spec"]["rules"] == [{}]
    rule = {
        "permissions": [{"and_rules": {"rules": [{"any": True}]}}],
        "principals": [{"and_ids": {"ids": [{"any": True}]}}],
    }
    rbac = {
        "@type": f"{HTTP}.http.rbac.v3.RBAC",
        "shadow_rules": {
            "action": "DENY",
            "policies": {f"istio-ext-authz-ns[default]-policy[{policy['metadata']['name']}]-rule[0]": rule},
        },
        "shadow_rules_stat_prefix": "istio_ext_authz_",
    }
    body = http["includeRequestBodyInCheck"]
    authz = {
        "@type": f"{HTTP}.http.ext_authz.v3.ExtAuthz",
        "transport_api_version": "V3",
        "failure_mode_allow": http["failOpen"],
        "status_on_error": {"code": int(http["statusOnError"])},
        "with_request_body": {
            "max_request_bytes": body["maxRequestBytes"],
            "allow_partial_message": body["allowPartialMessage"],
        },
        "allowed_headers": patterns(http["includeRequestHeadersInCheck"]),
        "http_service": {
            "server_uri": {"uri": f"http://{http['service']}", "cluster": "authz", "timeout": http["timeout"]},
            "path_prefix": http["pathPrefix"],
            "authorization_response": {
                "allowed_upstream_headers": patterns(http["headersToUpstreamOnAllow"]),
                "allowed_client_headers": patterns(http["headersToDownstreamOnDeny"]),
            },
        },
        "filter_enabled_metadata": {
            "filter": "envoy.filters.http.rbac",
            "path": [{"key": "istio_ext_authz_shadow_effective_policy_id"}],
            "value": {"string_match": {"prefix": "istio-ext-authz"}},
        },
    }
    route = {
        "match": {"prefix": "/"},
        "route": {"cluster": "inbound", "timeout": "0s"},
        "decorator": {"operation": "x"},
    }
    manager = {
        "stat_prefix": "inbound_0.0.0.0_9000",
        "route_config": {
            "name": "inbound|9000||",
            "validate_clusters": False,
            "virtual_hosts": [{"name": "inbound|http|9000", "domains": ["*"], "routes": [route]}],
        },
        "server_name": "istio-envoy",
        "use_remote_address": False,
        "forward_client_cert_details": "APPEND_FORWARD",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "stream_idle_timeout": "0s",
        "normalize_path": True,
        "merge_slashes": config["pathNormalization"]["normalization"] == "MERGE_SLASHES",
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "http_filters": [
            {"name": "envoy.filters.http.rbac", "typed_config": rbac},
            {"name": "envoy.filters.http.ext_authz", "typed_config": authz},
            router(),
        ],
    }
    for patch in of_kind(all_, "EnvoyFilter")["spec"]["configPatches"]:
        assert patch["applyTo"] == "NETWORK_FILTER" and patch["patch"]["operation"] == "MERGE"
        merged = dict(patch["patch"]["value"]["typed_config"])
        merged.pop("@type")
        manager |= merged
    clusters = [cluster("authz", ports["sidecar"]), cluster("inbound", ports["backend"])]
    return envoy(ports, manager, clusters)


def by_envoy_gateway(ports):
    all_ = documents("envoy-gateway/policy.yaml")
    auth = of_kind(all_, "SecurityPolicy")["spec"]["extAuth"]
    traffic = of_kind(all_, "ClientTrafficPolicy")["spec"]
    http = auth["http"]
    [backend] = http["backendRefs"]
    authz = {
        "@type": f"{HTTP}.http.ext_authz.v3.ExtAuthz",
        "transport_api_version": "V3",
        "failure_mode_allow": auth["failOpen"],
        "with_request_body": {"max_request_bytes": auth["bodyToExtAuth"]["maxRequestBytes"]},
        "allowed_headers": patterns(auth["headersToExtAuth"]),
        "http_service": {
            "server_uri": {
                "uri": f"http://{backend['name']}.default:{backend['port']}{http['path']}",
                "cluster": "authz",
                "timeout": "10s",
            },
            "path_prefix": http["path"],
            "authorization_response": {"allowed_upstream_headers": patterns(http["headersToBackend"])},
        },
    }
    name = "envoy.filters.http.ext_authz/securitypolicy/default/peppol-authz"
    route = {
        "match": {"prefix": "/"},
        "route": {"cluster": "services", "upgrade_configs": [{"upgrade_type": "websocket"}]},
        "typed_per_filter_config": {
            name: {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}
        },
    }
    headers = traffic["headers"]
    mutation = {
        "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        "mutations": [{"remove": header} for header in headers["earlyRequestHeaders"]["remove"]],
    }
    manager = {
        "stat_prefix": "http-10080",
        "route_config": {
            "name": "default/gateway/http",
            "ignore_port_in_host_matching": True,
            "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}],
        },
        "common_http_protocol_options": {
            "headers_with_underscores_action": {"DropHeader": "DROP_HEADER", "RejectRequest": "REJECT_REQUEST"}[
                headers["withUnderscoresAction"]
            ]
        },
        "merge_slashes": not traffic["path"]["disableMergeSlashes"],
        "normalize_path": True,
        "path_with_escaped_slashes_action": {"RejectRequest": "REJECT_REQUEST"}[
            traffic["path"]["escapedSlashesAction"]
        ],
        "server_header_transformation": "PASS_THROUGH",
        "use_remote_address": True,
        "early_header_mutation_extensions": [
            {"name": "envoy.http.early_header_mutation.header_mutation", "typed_config": mutation}
        ],
        "http_filters": [{"name": name, "disabled": True, "typed_config": authz}, router()],
    }
    clusters = [cluster("authz", ports["sidecar"]), cluster("services", ports["backend"])]
    made = envoy(ports, manager, clusters)
    for patch in of_kind(all_, "EnvoyPatchPolicy")["spec"]["jsonPatches"]:
        operation = patch["operation"]
        [listener] = made["static_resources"]["listeners"]
        # There a listener has one chain, which is the default one.
        at, *path, last = operation["path"].removeprefix("/").split("/")
        place = {"default_filter_chain": listener["filter_chains"][0]}[at]
        for name in path:
            place = place[int(name) if isinstance(place, list) else name]
        assert operation["op"] == "add" and last == "-"
        place.append(operation["value"])
    return made


def by_ingress_nginx(ports):
    """The lines of `rootfs/etc/nginx/template/nginx.tmpl` that the annotations make."""
    said = of_kind(documents("ingress-nginx/ingress.yaml"), "Ingress")["metadata"]["annotations"]
    said = {name.rsplit("/", 1)[1]: value for name, value in said.items()}
    url = said["auth-url"].split("/", 3)[3]
    response = []
    for number, name in enumerate(said["auth-response-headers"].split(",")):
        variable = name.lower().replace("-", "_")
        response += [
            f"auth_request_set $authHeader{number} $upstream_http_{variable};",
            f"proxy_set_header '{name}' $authHeader{number};",
        ]
    return f"""
load_module /usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so;
daemon off; worker_processes 1; pid nginx.pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  client_header_buffer_size 1k; large_client_header_buffers 4 8k;
  underscores_in_headers off; ignore_invalid_headers on; merge_slashes on;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  map $http_x_request_id $req_id {{ default $http_x_request_id; "" $request_id; }}
  map $http_host $best_http_host {{ default $http_host; '' $host; }}
  upstream upstream_balancer {{ server 127.0.0.1:{ports["backend"]}; keepalive 320; }}
  server {{
    listen 127.0.0.1:{ports["gateway"]};
    location = /_external-auth-Lw-Prefix {{
      internal;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Forwarded-Proto "";
      proxy_set_header X-Request-ID $req_id;
      proxy_set_header Host peppol-authz.default.svc.cluster.local;
      proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Sent-From "nginx-ingress-controller";
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Auth-Request-Redirect $request_uri;
      proxy_buffering off; proxy_buffer_size 4k; proxy_buffers 4 4k; proxy_request_buffering on;
      proxy_http_version 1.1;
      proxy_ssl_server_name on;
      proxy_pass_request_headers on;
      client_max_body_size 1m;
      set $target http://127.0.0.1:{ports["sidecar"]}/{url};
      proxy_pass $target;
    }}
    location / {{
      auth_request /_external-auth-Lw-Prefix;
      auth_request_set $auth_cookie $upstream_http_set_cookie;
      add_header Set-Cookie $auth_cookie;
      {" ".join(response)}
      client_max_body_size 1m;
      proxy_set_header Host $best_http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Request-ID $req_id;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $best_http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Scheme $scheme;
      proxy_set_header X-Scheme $scheme;
      proxy_set_header X-Original-Forwarded-For $http_x_forwarded_for;
      proxy_set_header Proxy "";
      proxy_connect_timeout 5s; proxy_send_timeout 60s; proxy_read_timeout 60s;
      proxy_buffering off; proxy_buffer_size 4k; proxy_buffers 4 4k; proxy_request_buffering on; proxy_http_version 1.1;
      proxy_cookie_domain off; proxy_cookie_path off;
      proxy_next_upstream error timeout; proxy_next_upstream_timeout 0; proxy_next_upstream_tries 3;
      {said["configuration-snippet"]}
      proxy_pass http://upstream_balancer;
      proxy_redirect off;
    }}
  }}
}}
"""


class Istio(EnvoyHttp):
    name = example = "istio"
    command = ["envoy", "-c", "envoy.json", *EnvoyHttp.command[3:]]
    addresses = {}
    websocket_before = ()
    lets_through = ("websocket",)

    @staticmethod
    def generate(place, ports):
        (place / "envoy.json").write_text(json.dumps(by_istio(ports)), "utf-8")


class EnvoyGateway(Istio):
    name = example = "envoy-gateway"

    @staticmethod
    def generate(place, ports):
        (place / "envoy.json").write_text(json.dumps(by_envoy_gateway(ports)), "utf-8")


class IngressNginx(Nginx):
    name = example = "ingress-nginx"
    addresses = {}
    websocket_before = ()

    @staticmethod
    def generate(place, ports):
        (place / "nginx.conf").write_text(by_ingress_nginx(ports), "utf-8")


GENERATED = {kind.name: kind for kind in (Istio, EnvoyGateway, IngressNginx)}

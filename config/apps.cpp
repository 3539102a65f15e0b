#include "config/apps.h"

#include <algorithm>
#include <array>

namespace hearth::config {
namespace {

using namespace std::chrono_literals;

constexpr std::array kApps{
    App{"beszel", "/api/health", 399, 0s,
        "Tell Beszel its address, for links in its mails:\n"
        "  environment of the hub: APP_URL={url}\n"},
    App{"filebrowser", "/health", 399, 0s, ""},
    App{"grafana", "/api/health", 399, 0s,
        "Tell Grafana its address; without it links and live panels (WebSockets) fail:\n"
        "  grafana.ini, section [server]: root_url = {url}/\n"
        "  or environment: GF_SERVER_ROOT_URL={url}/\n"},
    App{"home-assistant", "/manifest.json", 399, 0s,
        "Home Assistant answers 400 to a proxy that it does not know. In configuration.yaml:\n"
        "  http:\n"
        "    use_x_forwarded_for: true\n"
        "    trusted_proxies:\n"
        "{node_list:      }"
        "Then restart it.\n"},
    App{"homepage", "/api/healthcheck", 399, 0s,
        "Homepage answers only to hosts that it is told:\n"
        "  environment: HOMEPAGE_ALLOWED_HOSTS={host}\n"},
    App{"immich", "/api/server/ping", 399, 600s,
        "Immich believes the proxy about its clients' addresses when it knows it:\n"
        "  environment of the server: IMMICH_TRUSTED_PROXIES={nodes}\n"
        "Its apps take {url} as the server's address; for shared links set\n"
        "  Administration, Settings, Server: External domain {url}\n"},
    App{"jellyfin", "/health", 399, 0s,
        "Jellyfin believes the proxy about its clients' addresses when it knows it:\n"
        "  Dashboard, Networking, Known proxies: {nodes}\n"
        "Televisions that cannot install the home's root need `https: optional` at the service.\n"},
    App{"mealie", "/api/app/about", 399, 0s,
        "Tell Mealie its address:\n"
        "  environment: BASE_URL={url}\n"},
    App{"nextcloud", "/status.php", 399, 3600s,
        "Nextcloud refuses hosts and proxies that it does not know. In config/config.php:\n"
        "  'trusted_domains' => ['{host}'],\n"
        "  'trusted_proxies' => [{node_quotes}],\n"
        "  'overwriteprotocol' => 'https',\n"
        "  'overwrite.cli.url' => '{url}',\n"
        "With the official container: NEXTCLOUD_TRUSTED_DOMAINS={host}, TRUSTED_PROXIES with the\n"
        "addresses above separated by blanks, OVERWRITEPROTOCOL=https.\n"},
    App{"ollama", "/", 399, 3600s,
        "Ollama listens on loopback alone until it is told otherwise, and web pages of other "
        "hosts\n"
        "may not ask it:\n"
        "  environment: OLLAMA_HOST=0.0.0.0 and, for such pages, OLLAMA_ORIGINS\n"
        "It knows no passwords: give the service `middleware` that does.\n"},
    App{"pihole", "/admin/", 399, 0s,
        "Tell Pi-hole the host by which it is asked:\n"
        "  version 6: pihole-FTL --config webserver.domain {host}\n"
        "  version 5, container: VIRTUAL_HOST={host}\n"
        "Its pages are under {url}/admin/.\n"},
    App{"plex", "/identity", 399, 0s,
        "Tell Plex where its clients find it:\n"
        "  Settings, Network, Custom server access URLs: {url}:443\n"
        "  Settings, Network, Secure connections: Preferred\n"},
    App{"portainer", "/api/system/status", 399, 0s, ""},
    App{"prowlarr", "/ping", 399, 0s, ""},
    App{"radarr", "/ping", 399, 0s, ""},
    App{"sonarr", "/ping", 399, 0s, ""},
    App{"tandoor", "/", 399, 0s,
        "Tandoor refuses forms of hosts that it does not know:\n"
        "  environment: ALLOWED_HOSTS={host} and CSRF_TRUSTED_ORIGINS={url}\n"},
    App{"transmission", "/transmission/web/", 401, 0s,
        "Transmission answers 421 to hosts and 403 to addresses that it does not know. Stop it, "
        "then\n"
        "in settings.json:\n"
        "  \"rpc-host-whitelist\": \"{host}\",\n"
        "  \"rpc-whitelist\": \"127.0.0.1,{nodes}\"\n"},
    App{"vaultwarden", "/alive", 399, 0s,
        "Vaultwarden must know its address; without HTTPS browsers cannot unlock a vault:\n"
        "  environment: DOMAIN={url}\n"
        "It takes the client's address from X-Real-IP, which the proxy sends.\n"},
};

std::string joined(const Document& document, std::string_view before, std::string_view after,
                   std::string_view between) {
    std::string text;
    for (const Node& node : document.nodes) {
        if (!text.empty()) text.append(between);
        text.append(before).append(node.address.to_string()).append(after);
    }
    return text;
}

}  // namespace

std::span<const App> apps() { return kApps; }

const App* find_app(std::string_view name) noexcept {
    const auto* found = std::ranges::find(kApps, name, &App::name);
    return found != kApps.end() ? found : nullptr;
}

std::string advice_for(const App& app, const Document& document, const std::string& service) {
    const std::string host = service + "." + document.domain.to_string();
    std::string text;
    for (std::string_view left = app.advice; !left.empty();) {
        const auto open = left.find('{');
        text.append(left.substr(0, open));
        if (open == std::string_view::npos) break;
        const auto close = left.find('}', open);
        const std::string_view what = left.substr(open + 1, close - open - 1);
        if (what == "url") text.append("https://").append(host);
        if (what == "host") text.append(host);
        if (what == "nodes") text.append(joined(document, "", "", ","));
        if (what == "node_quotes") text.append(joined(document, "'", "'", ", "));
        if (what.starts_with("node_list:"))
            text.append(joined(document, std::string(what.substr(10)) + "- ", "\n", ""));
        left.remove_prefix(close + 1);
    }
    return text;
}

void apply_app(const App& app, const Value& wrote, Service& service) {
    const bool is_plain = std::ranges::all_of(service.upstreams, [](const HttpUpstream& upstream) {
        return upstream.scheme == UpstreamScheme::kHttp;
    });
    const bool has_health = wrote.kind == Kind::kMapping && wrote.find("health") != nullptr;
    if (!has_health && is_plain) {
        service.health.path = app.health;
        service.health.status_to = app.status_to;
    }
    if (service.answer_timeout.count() == 0) service.answer_timeout = app.answer_timeout;
}

}  // namespace hearth::config

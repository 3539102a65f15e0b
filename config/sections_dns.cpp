#include "config/codec.h"
#include "config/sections.h"
#include "config/sections_dns_names.h"
#include "config/sections_dns_policy.h"
#include "config/sections_dns_resolving.h"
#include "config/sections_dns_seeing.h"
#include "config/sections_dns_serving.h"

namespace hearth::config {
namespace {

using namespace std::chrono_literals;

Codec<UpstreamStrategy> strategy() {
    return one_of<UpstreamStrategy>({{"fastest", UpstreamStrategy::kFastest},
                                     {"strict", UpstreamStrategy::kStrict},
                                     {"parallel", UpstreamStrategy::kParallel}});
}

const Section<ForwardZone>& forward_section() {
    static const Section<ForwardZone> table{{
        "dns.forward[]",
        "Zones that another server in the home knows: questions for them go there.",
        "",
        {
            required("zones", &ForwardZone::zones, list_of(forward_zone(), kNotEmpty),
                     "Names at or under these; a network stands for its reverse zone. The "
                     "document's own domain may be one of them: what "
                     "the document does not know is then asked for there.",
                     "[lan, 10.0.0.0/24]"),
            required("to", &ForwardZone::to, list_of(upstream(), kNotEmpty), "The servers.",
                     "[10.0.0.1]"),
            field("strategy", &ForwardZone::strategy, strategy(),
                  "In which order they are asked; see dns.strategy.", "strict"),
        },
        {},
    }};
    return table;
}

const Section<BlockList>& list_section() {
    static const Section<BlockList> table{{
        "blocking.lists.NAME",
        "A list of names to block: hosts file, plain names, wildcards, AdBlock form or policy "
        "zone. A URL alone is enough.",
        "url",
        {
            field("url", &BlockList::url, http_url(), "Where to fetch it.",
                  "\"https://lists.example/hosts\""),
            field("file", &BlockList::file, path(),
                  "A file on this machine; relative to the folder of hearth.yaml.",
                  "lists/ours.txt"),
            field("kind", &BlockList::kind,
                  one_of<BlockListKind>(
                      {{"block", BlockListKind::kBlock}, {"allow", BlockListKind::kAllow}}),
                  "What its names are: blocked, or never blocked by any list.", "allow"),
            field("refresh", &BlockList::refresh, duration<std::chrono::seconds>(1h, 30 * 24h),
                  "How often it is fetched again; blocking.refresh when not given.", "6h"),
            field("max_size", &BlockList::max_bytes, size(1U << 10, 1U << 30),
                  "A larger one is refused; blocking.max_list_size when not given.", "16MiB"),
        },
        [](const Value& value, Span key_span, void* target, ReadContext& context) {
            const auto& list = *static_cast<const BlockList*>(target);
            if (list.url.empty() != list.file.empty()) return true;
            const Entry* file = value.find("file");
            if (file != nullptr && !list.url.empty())
                context.diagnostics.error(file->key_span, "write url or file, not both");
            else
                context.diagnostics.error(key_span, "a list needs a url or a file");
            return false;
        },
    }};
    return table;
}

Field answer_field() {
    const auto read = [](const Value& value, Blocking& blocking, ReadContext& context) {
        return read_block_answer(value, blocking.answer, blocking.answer_address, context);
    };
    return custom_field<Blocking>(
        "answer", block_answer_type(), "zero", read,
        "What a blocked name is answered with; zero means 0.0.0.0 and ::.", "nxdomain");
}

}  // namespace

const Section<Dns>& dns_section() {
    static const Section<Dns> table{{
        "dns",
        "The name server of the home.",
        "",
        {
            field("vip", &Dns::vip, vip_name(), "The VIP that clients are told to ask.", "dns",
                  Presence::kOptional, "(none: the nodes' own addresses)"),
            field("listen", &Dns::listen, list_of(endpoint()),
                  "Listen here and nowhere else, instead of on port 53 of the VIP and the node's "
                  "address.",
                  "[\"127.0.0.1:5300\"]"),
            field("tls", &Dns::tls, section(dns_tls_section()),
                  "Certificate for DNS over TLS (port 853) and over HTTPS.",
                  "{certificate: tls/dns.pem, key: tls/dns.key}"),
            field("listen_tls", &Dns::listen_tls, list_of(endpoint()),
                  "Listen for DNS over TLS here and nowhere else.", "[\"127.0.0.1:8853\"]"),
            field("listen_https", &Dns::listen_https, list_of(endpoint()),
                  "Listen for DNS over HTTPS here and nowhere else.", "[\"127.0.0.1:8443\"]"),
            field("https", &Dns::https, port(),
                  "Port for DNS over HTTPS on the VIP and the node's address.", "8443"),
            field("rate_limit", &Dns::rate_limit, section(rate_limit_section()),
                  "How much one client may ask; nobody is limited without it.",
                  "{queries_per_second: 1000}"),
            field("upstreams", &Dns::upstreams, list_of(upstream()),
                  "Servers to ask for everything that is not local. With tls and https the name "
                  "behind # must be in the server's certificate; without it, the address must. "
                  "recursive asks the servers of the zones themselves, from the root on.",
                  "[\"tls://9.9.9.9#dns.quad9.net\", \"https://1.1.1.1/dns-query\", 10.0.0.1]"),
            field("strategy", &Dns::strategy, strategy(),
                  "fastest: the one with the shortest round trip; strict: as written, the next one "
                  "only while those before it do not answer; parallel: the two fastest at once.",
                  "strict"),
            field(
                "tls_ca", &Dns::tls_ca, path(),
                "Certificates (PEM) of authorities trusted for tls and https upstreams besides the "
                "system's.",
                "tls/our-root.pem", Presence::kOptional, "(the system's alone)"),
            field("bootstrap", &Dns::bootstrap, list_of(upstream()),
                  "Servers, written with their addresses, that are asked for the addresses of "
                  "upstreams written with a name. The last known ones are kept on disk.",
                  "[9.9.9.9, 149.112.112.112]"),
            field("dnssec", &Dns::dnssec, section(dnssec_section()),
                  "Whether answers are checked against their signatures.", "validate"),
            field("client_subnet", &Dns::client_subnet, client_subnet(),
                  "What upstreams are told of where the house is (ECS), so that content networks "
                  "answer with servers close to it: a network of the Internet, for everybody the "
                  "same. Nothing when not given.",
                  "198.18.7.0/24"),
            field("root_hints", &Dns::root_hints, path(),
                  "Where the servers of the root zone are, for `recursive`.",
                  "dnssec/lab-root.hints"),
            field("forward", &Dns::forward, list_of(section(forward_section())),
                  "Zones that other servers in the home know.", "[{zones: [lan], to: [10.0.0.1]}]"),
            local_records_field(),
            field("zones", &Dns::zones, list_of(section(zone_file_section())),
                  "Zone files to serve.", "[{file: zones/example.zone, origin: example.home}]"),
            field("leases", &Dns::leases, list_of(path()),
                  "Lease files of DHCP servers (dnsmasq, Kea's memfile, ISC dhcpd): their clients' "
                  "names get addresses under the domain.",
                  "[/var/lib/misc/dnsmasq.leases]"),
            field("rewrite", &Dns::rewrite, list_of(section(suffix_rewrite_section())),
                  "Suffixes that stand for another zone's.",
                  "[{from: example.com, to: default.svc.cluster.local}]"),
            field("clients", &Dns::clients, list_of(prefix()),
                  "Served besides loopback, `lan` and the networks the node is connected to.",
                  "[100.64.0.0/10]"),
            field("rebinding", &Dns::rebinding, section(rebinding_section()),
                  "Whether public upstreams may give addresses of the house.",
                  "{allow: [plex.direct]}"),
            field("special", &Dns::special, section(special_names_section()),
                  "Which of the names that standards give a meaning have none here.",
                  "{except: [mask.icloud.com]}"),
            field("local_ttl", &Dns::local_ttl, duration<std::chrono::seconds>(0s, 24h),
                  "Lifetime of local answers.", "60s"),
            field("cache_size", &Dns::cache_bytes, size(64U << 10, 1U << 30),
                  "Memory for the cache.", "16MiB"),
            field("min_ttl", &Dns::min_ttl, duration<std::chrono::seconds>(0s, 1h),
                  "Upstreams' answers with records are kept, and told, for at least this long.",
                  "60s"),
            field("max_ttl", &Dns::max_ttl, duration<std::chrono::seconds>(1min, 7 * 24h),
                  "And for at most this long.", "1h"),
            field("serve_stale", &Dns::serve_stale, duration<std::chrono::seconds>(0s, 7 * 24h),
                  "While no upstream answers, the cache does for this long after an answer's time; "
                  "0s: never.",
                  "3d"),
            field("prefetch", &Dns::prefetch, boolean(),
                  "Asks again for what is asked often, shortly before its time is over.", "false"),
            field("waiting_memory", &Dns::waiting_bytes, size(1U << 20, 4ULL << 30),
                  "Memory for questions that wait for upstreams. One client may take as much as it "
                  "leaves free for others; what finds no room is refused.",
                  "64MiB"),
            field("query_log_entries", &Dns::query_log_entries, integer<std::size_t>(0, 1'000'000),
                  "Questions remembered in memory for `hearth tail dns`.", "10000"),
            field("query_log", &Dns::query_log, section(query_log_section()),
                  "How much of them is kept, and for how long.", "{keep: 7d, privacy: networks}"),
            field("dnstap", &Dns::dnstap, section(dnstap_section()),
                  "Copies of questions and answers for another program.", "/run/dnstap.sock"),
            field("workers", &Dns::workers, integer<unsigned>(1, 64), "Threads that serve.", "2",
                  Presence::kOptional, "(one per core, at most 4)"),
        },
        {},
    }};
    return table;
}

const Section<Blocking>& blocking_section() {
    static const Section<Blocking> table{{
        "blocking",
        "Names that are not resolved for anyone: advertising, tracking, malware.",
        "",
        {
            field("enabled", &Blocking::enabled, boolean(),
                  "Off keeps the lists but blocks nothing.", "true"),
            answer_field(),
            field("ttl", &Blocking::ttl, duration<std::chrono::seconds>(0s, 24h),
                  "Lifetime of a blocking answer.", "10s"),
            field("lists", &Blocking::lists, named(list_section(), {0, 64}),
                  "Lists of names, by a name of your choice.", "{ours: {file: lists/ours.txt}}"),
            field("allow", &Blocking::allow, list_of(name_rule(), {0, 10'000}),
                  "Never blocked; goes before everything else.", "[s.youtube.com]"),
            field("deny", &Blocking::deny, list_of(name_rule(), {0, 10'000}),
                  "Blocked besides the lists.", "[ads.example, \"*.tracker.example\"]"),
            field("block", &Blocking::block, list_of(blockable_service(), {0, 64}),
                  "Services that are blocked for everybody, with all names of theirs.", "[tiktok]"),
            field("groups", &Blocking::groups, named(client_group_section(), {0, 63}),
                  "Clients with a policy of their own, by a name of your choice.",
                  "{tv: {clients: [10.0.0.60], deny: [\"*.samsungads.com\"]}}"),
            field("refresh", &Blocking::refresh, duration<std::chrono::seconds>(1h, 30 * 24h),
                  "How often lists are fetched again.", "24h"),
            field("max_list_size", &Blocking::max_list_bytes, size(1U << 20, 1U << 30),
                  "A list larger than this is refused.", "128MiB"),
        },
        {},
    }};
    return table;
}

}  // namespace hearth::config

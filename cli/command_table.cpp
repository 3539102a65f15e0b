#include "cli/command_table.h"

#include "cli/commands.h"
#include "cli/query_options.h"
#include "cli/request_filter.h"

namespace hearth::cli {

namespace {

std::vector<Option> tail_options() {
    std::vector<Option> options = query_filter_options();
    for (Option& one : RequestFilter::options()) options.push_back(std::move(one));
    return options;
}

// What is, and why.
std::vector<Command> looking() {
    return {
        {"status",
         "How the home is: nodes, daemons, what is wrong and what to do",
         "Asks the daemons of this node and, through hearth-lb, the other nodes. Ends with 0 when "
         "all is well, with 1 when something needs attention, with 4 when no daemon answers.",
         {},
         {},
         run_status},
        {"why",
         "Why a name is blocked or not, for a client",
         "Asks hearth-dns what it would do with NAME, without sending a question anywhere. Ends "
         "with 1 when the name is blocked.",
         {{"NAME", Need::kRequired, "A domain name."}},
         {{"--client", "ADDRESS", "For this client and its group."}},
         run_why},
        {"explain",
         "Walks the way to a service and tries every hop",
         "Asks the name server for the service's name, hearth-lb for the owner of the address, the "
         "proxy for the page, and tries each upstream. Ends with 1 when a hop fails; the first one "
         "that does is where to look.",
         {{"SERVICE", Need::kRequired, "The name or an alias of a service of the document."}},
         {},
         run_explain},
        {"app",
         "What Hearth does for an application, and what that must be told",
         "The health check and timeouts that `app: NAME` sets at a service, and the lines to paste "
         "into the application's own settings, with this home's addresses. Without NAME it lists "
         "the applications; ends with 1 when it does not know one.",
         {{"[NAME]", Need::kOptional, "Home-assistant, for instance."}},
         {},
         run_app},
        {"routes",
         "Which host leads to which upstream, and how that is",
         "Ends with 1 when an upstream is down.",
         {},
         {},
         run_routes},
        {"services",
         "Services on ports of virtual addresses, and how their backends are",
         "As this node sees them, and the connections it sent to each. Ends with 1 when a service "
         "has no backend left.",
         {},
         {},
         run_services},
        {"lb plan",
         "What hearth-lb on this node would change if the document were applied now",
         "Looks at the document of --config as it is on disk: virtual addresses, services, their "
         "backends and ports that would be added (+), removed (-) or changed (~). Nothing is "
         "touched. Ends with 0 when nothing would change, with 1 when something would, with 3 when "
         "the document would be refused.",
         {},
         {},
         run_lb_plan},
        {"vip ls",
         "Virtual addresses and who holds them",
         "Ends with 1 when a virtual address has no owner.",
         {},
         {},
         run_vip_ls},
        {"tail",
         "Follows questions, requests or log lines as they come",
         "Stays until Ctrl-C. dns: questions and their answers; proxy: requests, and streams when "
         "they end, of which --client, "
         "--service, --status and --failed choose; log: what the daemons of this node log. The "
         "other options choose questions.",
         {{"dns|proxy|log", Need::kRequired, "What to follow."}},
         tail_options(),
         run_tail},
        {"queries",
         "Questions that were answered, the newest last",
         "Looks through the query log in memory and on disk. The options choose; times are as long "
         "ago as 90m, 24h or 7d, or milliseconds since 1970.",
         {},
         query_page_options(),
         run_queries},
        {"stats",
         "How many questions, how many blocked, and the most frequent",
         "Of the last day, or since RANGE. Numbers are those of the query log; the most frequent "
         "are close estimates when there are very many different ones.",
         {{"[RANGE]", Need::kOptional, "today, or as long ago as 90m, 24h, 7d (24h)."}},
         {},
         run_stats},
    };
}

// What the daemons are to do.
std::vector<Command> telling() {
    return {
        {"reload",
         "Makes the daemons of this node read the document again",
         "All or nothing for each daemon: one that refuses the document goes on with the old one. "
         "Ends with 3 when the document was refused, with 4 when a daemon does not run.",
         {},
         {},
         run_reload},
        {"lists ls",
         "Shows the blocklists: what was taken of each, how old it is, when it is asked for again",
         "With a name: where that list comes from, and the first lines of it that were not taken, "
         "with the reason. Ends with 1 when a list could not be brought up to date.",
         {{"[NAME]", Need::kOptional, "A list of the document."}},
         {},
         run_lists_ls},
        {"lists services",
         "Shows the services that `block` knows, and the names that belong to each",
         "For blocking.block, blocking.groups.NAME.block and schedules.",
         {},
         {},
         run_lists_services},
        {"lists update",
         "Fetches and compiles the blocklists now, all or one",
         "Runs hearth-lists as its own user and waits for it; shows how far it is on a terminal.",
         {{"[NAME]", Need::kOptional, "A list of the document."}},
         {{"--state-dir", "DIR", "Where compiled lists are kept (/var/lib/hearth)."}},
         run_lists_update},
        {"vip move",
         "Moves a virtual address to a node, without losing a question",
         "The node keeps it, also against nodes that the document prefers, until it hands it over "
         "or ends. Ends with 1 when it is not there within 5 s.",
         {{"NAME", Need::kRequired, "A virtual address of the document."},
          {"NODE", Need::kRequired, "A candidate for it."}},
         {},
         run_vip_move},
        {"vip renumber",
         "Gives a virtual address from a pool another one of it",
         "Its name resolves to the new address at once; connections to the old one end.",
         {{"NAME", Need::kRequired, "A virtual address that a pool gave."}},
         {},
         run_vip_renumber},
        {"upstream drain",
         "Gives an upstream of a service no further requests",
         "Those under way end. Until `hearth upstream undrain`, or until hearth-proxy restarts.",
         {{"SERVICE", Need::kRequired, "A service of the document."},
          {"UPSTREAM", Need::kRequired, "One of its upstreams: its URL, host or address."}},
         {},
         run_upstream_drain},
        {"upstream undrain",
         "Gives an upstream requests again",
         "",
         {{"SERVICE", Need::kRequired, "A service of the document."},
          {"UPSTREAM", Need::kRequired, "One of its upstreams: its URL, host or address."}},
         {},
         run_upstream_undrain},
        {"node drain",
         "Moves every virtual address off a node and keeps them off",
         "Over restarts, until `hearth node undrain`. A node that is the only one well goes on "
         "serving. Ends with 1 when it still holds an address after 5 s.",
         {{"[NODE]", Need::kOptional, "A node of the document (this one)."}},
         {},
         run_node_drain},
        {"node undrain",
         "Lets a node hold virtual addresses again",
         "",
         {{"[NODE]", Need::kOptional, "A node of the document (this one)."}},
         {},
         run_node_undrain},
        {"peer keygen",
         "Makes the key with which the nodes of the home know each other",
         "Writes a new key to PATH (or the document's peers.key_file) for hearth-lb alone. It "
         "never overwrites one. Copy the file to every node.",
         {{"[PATH]", Need::kOptional, "The file to make."}},
         {},
         run_peer_keygen},
    };
}

// The home's own authority.
std::vector<Command> certifying() {
    const Option replace{"--replace", "",
                         "Also where there is another root: every device must install this one."};
    return {
        {"ca show",
         "The root of this home's certificates: its name, fingerprint and end",
         "Ends with 1 when there is none. Devices install it from http://hearth.DOMAIN/trust.",
         {},
         {},
         run_ca_show},
        {"ca init",
         "Makes the root that signs this home's certificates",
         "Good for ten years, for names of the document's domain and private addresses alone. "
         "Once, "
         "on one node: the others import it. Where the document names a single node, hearth-certs "
         "does it by itself.",
         {},
         {replace},
         run_ca_init},
        {"ca export",
         "Writes the root and its key to a file, for the other nodes and as a copy to keep",
         "FILE is made for its owner alone and never overwritten. Whoever has it can pass for "
         "every "
         "name of the home.",
         {{"FILE", Need::kRequired, "The file to make."}},
         {{"--certificate", "", "The root alone, without its key: what devices install."}},
         run_ca_export},
        {"ca client",
         "Makes a certificate for a person or device that services ask for one",
         "FILE is PKCS #12 for telephones and browsers, with a password that is printed once; "
         "FILE.pem is the certificate and its key without a password. Nothing of it stays here. "
         "See `client_certificates` of services.",
         {{"NAME", Need::kRequired, "Whom it is for: letters, digits, - and _."},
          {"FILE", Need::kRequired, "The file to make."}},
         {{"--days", "DAYS", "How long it is good (365)."}},
         run_ca_client},
        {"ca import",
         "Takes a root that was made elsewhere: on another node, or by mkcert",
         "PEM files: FILE has the certificate, and its key unless KEY has it. Ends with 1 when "
         "there is another root already.",
         {{"FILE", Need::kRequired, "What `hearth ca export` made, or a certificate."},
          {"[KEY]", Need::kOptional, "Its key, where FILE has it not."}},
         {replace},
         run_ca_import},
    };
}

// What is said to the name server besides the document.
std::vector<Command> ruling() {
    const Option client{"--for", "CLIENT",
                        "For this client or group alone: an address, a hardware address, a name."};
    const Option ttl{"--ttl", "DURATION", "For this long: 30s, 5m, 1h, 2d."};
    return {
        {"allow",
         "Lets a name and what is under it through, at once",
         "Goes before every rule and list. Holds on every node that can be reached, and is "
         "kept over restarts, in policy.json of the state directory.",
         {{"NAME", Need::kRequired, "A domain name."}},
         {client, ttl},
         run_allow},
        {"deny",
         "Blocks a name and what is under it, at once",
         "Goes before every rule and list. Holds on every node that can be reached, and is "
         "kept over restarts, in policy.json of the state directory.",
         {{"NAME", Need::kRequired, "A domain name."}},
         {client, ttl},
         run_deny},
        {"forget",
         "Takes back what `allow` or `deny` said of a name",
         "With the same --for, if there was one.",
         {{"NAME", Need::kRequired, "A domain name."}},
         {client},
         run_forget},
        {"rules",
         "What `allow`, `deny` and `blocking off` said that holds now",
         "",
         {},
         {},
         run_rules},
        {"blocking off",
         "Blocks nothing for a while",
         "Without a duration until `hearth blocking on`.",
         {{"[DURATION]", Need::kOptional, "30s, 5m, 1h, 2d."}},
         {},
         run_blocking_off},
        {"blocking on", "Blocks again", "", {}, {}, run_blocking_on},
    };
}

// The document, without a daemon.
std::vector<Command> on_the_document() {
    return {
        {"check",
         "Checks a document without touching what runs",
         "Reads PATH (or the document of --config) with conf.d/*.yaml beside it and prints what is "
         "wrong with it, with file, line and column. Ends with 0 for a good document, also one "
         "with warnings, and with 3 for one that the daemons would refuse.",
         {{"[PATH]", Need::kOptional, "The document to check."}},
         {},
         run_check},
        {"schema", "Prints the JSON Schema of the document, for editors", "", {}, {}, run_schema},
        {"reference",
         "Prints the reference page of the document",
         "",
         {},
         {{"--man", "", "As source of hearth.yaml(5)."},
          {"--commands", "", "Of the commands, as source of hearth(1)."}},
         run_reference,
         Shown::kHidden},
    };
}

// The command itself.
std::vector<Command> on_itself() {
    return {
        {"completion",
         "Prints completion for a shell",
         "",
         {{"bash|zsh|fish", Need::kRequired, "The shell."}},
         {},
         run_completion},
        {"version", "Prints the version", "", {}, {}, run_version},
        {"help",
         "Prints this overview, or what a command does",
         "",
         {{"[COMMAND]", Need::kOptional, "The command."}},
         {},
         run_help},
    };
}

}  // namespace

const std::vector<Option>& common_options() {
    static const std::vector<Option> options{
        {"--json", "", "Answer in JSON."},
        {"--config", "PATH", "The document (/etc/hearth/hearth.yaml)."},
        {"--run-dir", "DIR", "Where the daemons' sockets are (/run/hearth)."},
        {"--help", "", "What the command does and takes."},
    };
    return options;
}

const std::vector<Command>& commands() {
    static const std::vector<Command> table = [] {
        std::vector<Command> all;
        for (const auto& group :
             {looking(), on_the_document(), telling(), certifying(), ruling(), on_itself()})
            all.insert(all.end(), group.begin(), group.end());
        return all;
    }();
    return table;
}

}  // namespace hearth::cli

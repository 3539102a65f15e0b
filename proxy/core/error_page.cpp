#include "proxy/core/error_page.h"

#include "proxy/core/authority.h"
#include "proxy/core/html_text.h"
#include "proxy/core/written_text.h"

namespace hearth::proxy {

namespace {

struct Explanation {
    std::string_view what;  // happened, one sentence
    std::string_view next;  // what to try
};

Explanation explain_proxy(HopReason reason) {
    switch (reason) {
        case HopReason::kUnknownHost:
            return {"No service has this name.",
                    "Check the spelling, or add the service to hearth.yaml."};
        case HopReason::kTooManyConnections:
            return {"There are too many connections from this address.",
                    "Close some, or wait a moment and try again."};
        case HopReason::kMisdirected:
            return {"This connection was made for another name.",
                    "Try again: a new connection gets the right certificate."};
        case HopReason::kNoHealthyUpstream:
            return {"None of the service's upstreams is well.",
                    "`hearth status` says what their checks found; one may be drained."};
        case HopReason::kForbidden:
            return {"This service is not open to your address.",
                    "`allow` in hearth.yaml says who may."};
        case HopReason::kNoCertificate:
            return {"This service wants a certificate of yours.",
                    "Install one that it knows (hearth ca client NAME makes it), open the page "
                    "anew, and let your browser show it."};
        case HopReason::kRateLimited:
            return {"Too many requests came from your address.", "Wait a moment and try again."};
        case HopReason::kBodyTooLarge:
            return {"What you send is larger than this service takes.",
                    "Send less, or raise `body_limit` in hearth.yaml."};
        case HopReason::kUnauthorized:
            return {"This service wants to know who you are.", "Log in, and try again."};
        case HopReason::kAuthUnavailable:
            return {"Nobody could say whether you may use this service.",
                    "Look at the service that `forward_auth` names."};
        case HopReason::kOverloaded:
            return {"The service has as many requests as it takes at a time.",
                    "Try again in a moment, or raise `limit` in hearth.yaml."};
        default:
            return {"The service has no upstream that could be asked.",
                    "Give it one in hearth.yaml and look at `hearth status`."};
    }
}

Explanation explain_upstream(HopReason reason) {
    switch (reason) {
        case HopReason::kNameNotResolved:
            return {"The upstream's name could not be resolved.",
                    "Check the name in hearth.yaml and that its DNS server answers."};
        case HopReason::kConnectRefused:
            return {"The upstream's machine is up, but nothing listens on that port.",
                    "Start the service, or correct the port in hearth.yaml."};
        case HopReason::kConnectTimeout:
            return {"The upstream did not answer a connection attempt.",
                    "Check that its machine is on, and that no firewall drops the port."};
        case HopReason::kUnreachable:
            return {"There is no way to the upstream's address.",
                    "Check the network and the address in hearth.yaml."};
        case HopReason::kResponseTimeout:
            return {"The upstream took the request and did not answer in time.",
                    "Look at the service's own log."};
        case HopReason::kTlsFailed:
            return {
                "The upstream's certificate is not trusted, or it ended the TLS handshake.",
                "Name its authority: upstreams: [{url: ..., ca: FILE}]; verify: false takes any."};
        case HopReason::kSpeaksNoTls:
            return {"The upstream does not speak TLS on that port.",
                    "Write http:// for it in hearth.yaml, or the port that speaks TLS."};
        case HopReason::kTlsTimeout:
            return {"The upstream took the connection and did not answer the TLS handshake.",
                    "Check that the port speaks TLS (else write http://), and that the service is "
                    "not stuck."};
        case HopReason::kNoTunnel:
            return {"The upstream speaks HTTP/2 alone, and takes no WebSockets in it.",
                    "Have it speak HTTP/1.1 as well, or extended CONNECT (RFC 8441)."};
        case HopReason::kBadResponse:
            return {"The upstream's answer is not valid HTTP.",
                    "Check that the port speaks plain HTTP and look at the service's own log."};
        default:
            return {"The upstream closed the connection before it had answered.",
                    "Look at the service's own log: it may have crashed or be starting."};
    }
}

Explanation explain(const HopError& error) {
    switch (hop_of(error.reason)) {
        case Hop::kProxy: return explain_proxy(error.reason);
        case Hop::kUpstream: return explain_upstream(error.reason);
        case Hop::kClient: break;
    }
    if (error.reason == HopReason::kRequestTimeout) {
        return {"The request did not arrive in time.", "Try again."};
    }
    return {"The request is not HTTP as this proxy accepts it.",
            "If a program sent it, its HTTP library has a bug."};
}

void append_row(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.append("<dt>").append(name).append("</dt><dd>");
    append_html(out, value);
    out += "</dd>\n";
}

std::string render_html(const ErrorPage& page, const Explanation& explanation) {
    const std::string status = std::to_string(page.status);
    std::string out;
    out.reserve(2048);
    out +=
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><title>";
    out.append(status).append(" ").append(status_text(page.status));
    out +=
        "</title>\n<style>body{font:16px/1.5 system-ui,sans-serif;max-width:38em;margin:3em auto;"
        "padding:0 1em;color:#222;background:#fff}h1{font-size:1.4em}dl{display:grid;"
        "grid-template-columns:max-content auto;gap:.2em 1em}dt{color:#666}dd{margin:0}"
        "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}a{color:#8bf}}"
        "</style></head><body>\n<h1>";
    out.append(status).append(" ").append(status_text(page.status)).append("</h1>\n<p>");
    out.append(explanation.what).append("</p>\n");
    if (page.show_details) {
        out.append("<p>").append(explanation.next).append("</p>\n<dl>\n");
        append_row(out, "host", page.host);
        append_row(out, "service", page.service);
        append_row(out, "failed at", to_string(hop_of(page.error.reason)));
        append_row(out, "upstream", page.upstream);
        append_row(out, "reason", to_string(page.error.reason));
        if (page.error.refusal != Refusal::kNone) {
            append_row(out, "detail", describe(page.error.refusal));
        }
        out += "</dl>\n";
    }
    if (page.show_details && !page.known_hosts.empty()) {
        out +=
            "<p>Hearth is the front door of this home network. These names lead somewhere:</p>"
            "\n<ul>\n";
        for (const auto host : page.known_hosts) {
            out += "<li><a href=\"http://";
            append_html(out, host);
            append_html(out, page.host.substr(host_of(page.host).size()));
            out += "/\">";
            append_html(out, host);
            out += "</a></li>\n";
        }
        out += "</ul>\n";
    }
    out += "<p><small>Hearth";
    if (!page.request_id.empty()) out.append(" · request ").append(page.request_id);
    out += "</small></p>\n</body></html>\n";
    return out;
}

std::string render_json(const ErrorPage& page, const Explanation& explanation) {
    std::string out = "{\"status\":" + std::to_string(page.status) + ",\"error\":";
    append_json_quoted(out, explanation.what);
    if (!page.request_id.empty()) {
        out += ",\"request_id\":";
        append_json_quoted(out, page.request_id);
    }
    if (page.show_details) {
        const auto member = [&out](std::string_view name, std::string_view value) {
            if (value.empty()) return;
            out.append(",\"").append(name).append("\":");
            append_json_quoted(out, value);
        };
        member("hop", to_string(hop_of(page.error.reason)));
        member("reason", to_string(page.error.reason));
        member("host", page.host);
        member("service", page.service);
        member("upstream", page.upstream);
        if (page.error.refusal != Refusal::kNone) member("detail", describe(page.error.refusal));
        member("try", explanation.next);
    }
    out += "}\n";
    return out;
}

}  // namespace

PageFormat page_format(std::string_view accept) noexcept {
    const bool json = accept.find("json") != std::string_view::npos;
    const bool html = accept.find("html") != std::string_view::npos;
    return json && !html ? PageFormat::kJson : PageFormat::kHtml;
}

std::string render(const ErrorPage& page, PageFormat format) {
    const Explanation explanation = explain(page.error);
    return format == PageFormat::kJson ? render_json(page, explanation)
                                       : render_html(page, explanation);
}

std::string_view message_of(const HopError& error) { return explain(error).what; }

std::string_view advice_of(const HopError& error) { return explain(error).next; }

std::string_view status_text(int status) noexcept {
    switch (status) {
        case 200: return "OK";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 301: return "Moved Permanently";
        case 302: return "Found";
        case 303: return "See Other";
        case 307: return "Temporary Redirect";
        case 308: return "Permanent Redirect";
        case 417: return "Expectation Failed";
        case 421: return "Misdirected Request";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        default: return "Error";
    }
}

}  // namespace hearth::proxy

#include "proxy/core/own_pages.h"

#include "proxy/core/trust_page.h"

namespace hearth::proxy {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kText = "text/plain; charset=utf-8";

// The page's own script and style, and its question by HTTPS, are all it may use.
constexpr std::string_view kPageFields =
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src https:; base-uri 'none'; form-action 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n";

OwnPage text(int status, std::string body) { return {status, kText, {}, std::move(body)}; }

OwnPage download(std::string_view content_type, std::string_view fields, std::string body) {
    return {200, content_type, fields, std::move(body)};
}

}  // namespace

OwnPage own_page(Method method, std::string_view target, const OwnSite& site) {
    const std::string_view path = target.substr(0, target.find('?'));
    if (path == "/") return {302, kText, "Location: /trust\r\n", "/trust\n"};
    const bool is_known = path == "/trust" || path.starts_with("/trust/");
    if (!is_known) return text(404, "Only /trust is here.\n");
    if (method != Method::kGet && method != Method::kHead)
        return {405, kText, "Allow: GET, HEAD\r\n", "GET or HEAD\n"};
    if (path == "/trust" || path == "/trust/") return {200, kHtml, kPageFields, trust_page(site)};
    // Asked from the page as it came by plain HTTP: another origin.
    if (path == "/trust/check")
        return {200, kText, "Access-Control-Allow-Origin: *\r\n", "trusted\n"};
    if (site.root == nullptr) return text(404, "This home has no root yet.\n");
    if (path == "/trust/root.crt")
        return download("application/x-x509-ca-cert",
                        "Content-Disposition: attachment; filename=\"hearth-root.crt\"\r\n",
                        site.root->der);
    if (path == "/trust/root.pem")
        return download("application/x-pem-file",
                        "Content-Disposition: attachment; filename=\"hearth-root.pem\"\r\n",
                        site.root->pem);
    if (path == "/trust/hearth.mobileconfig")
        return download("application/x-apple-aspen-config",
                        "Content-Disposition: attachment; filename=\"hearth.mobileconfig\"\r\n",
                        trust_profile(site));
    return text(404, "Only /trust is here.\n");
}

}  // namespace hearth::proxy

#include "proxy/core/trust_page.h"

#include <array>

#include "proxy/core/html_text.h"

namespace hearth::proxy {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Trust this home</title>
<style>
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:2em auto;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.5em}code{font-size:.9em;overflow-wrap:anywhere}summary{cursor:pointer;padding:.3em 0;font-weight:600}
a{color:#06c}.button{display:inline-block;padding:.5em 1em;border:1px solid;border-radius:.4em;margin:.2em .4em .2em 0}
#check{padding:.6em 1em;border-left:.3em solid #888;background:#f3f3f3}
#check.good{border-color:#080}#check.bad{border-color:#c60}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}a{color:#8bf}#check{background:#262626}}
</style></head><body>
<h1>Trust this home</h1>
)";

constexpr std::string_view kNoRoot =
    R"(<p>This home has no root certificate yet, so there is nothing to install.
On one of its machines, <code>hearth ca init</code> makes it.</p>
)";

constexpr std::string_view kWhy =
    R"(<p>The services of this home prove by certificates that they are what they say. No
public authority vouches for names that exist only at home, so this home has its own. Install its root once on each
device, and browsers show the lock without a warning.</p>
<p>It can vouch for the names of this home and for private addresses only, never for a bank or a shop.</p>
)";

constexpr std::string_view kDownloads =
    R"(<p><a class="button" href="/trust/root.crt">Root certificate</a>
<a class="button" href="/trust/hearth.mobileconfig">Profile for Apple devices</a>
<a class="button" href="/trust/root.pem">Root as PEM</a></p>
)";

constexpr std::string_view kSteps = R"(<h2>How</h2>
<details data-os="Windows"><summary>Windows</summary><ol>
<li>Download the root certificate and open it.</li>
<li>Install Certificate, Local Machine, then <em>Place all certificates in the following store</em>:
Trusted Root Certification Authorities.</li>
<li>Start the browser again.</li></ol></details>
<details data-os="iPhone iPad"><summary>iPhone and iPad</summary><ol>
<li>In Safari, download the profile for Apple devices and allow it.</li>
<li>Settings, General, VPN &amp; Device Management: choose the profile and install it.</li>
<li>Settings, General, About, Certificate Trust Settings: switch it on. Without this step nothing trusts it.</li></ol></details>
<details data-os="Mac"><summary>macOS</summary><ol>
<li>Download the root certificate and open it: Keychain Access adds it to the login keychain.</li>
<li>Find it there, open it, and under Trust choose <em>Always Trust</em>.</li></ol></details>
<details data-os="Android"><summary>Android</summary><ol>
<li>Download the root certificate.</li>
<li>Settings, Security, Encryption &amp; credentials, Install a certificate, CA certificate; choose the file. The search of
the settings finds <em>CA certificate</em> where a maker put it elsewhere.</li>
<li>Browsers trust it from then on. Some apps trust only what came with the device.</li></ol></details>
<details data-os="Linux"><summary>Linux</summary>
<p>Debian, Ubuntu and their kin:</p>
<pre><code>sudo curl -o /usr/local/share/ca-certificates/hearth-root.crt http://@HOST@/trust/root.pem
sudo update-ca-certificates</code></pre>
<p>Fedora and its kin: the file goes to <code>/etc/pki/ca-trust/source/anchors</code>, then <code>sudo update-ca-trust</code>.</p>
<p>Chromium and Chrome have a list of their own:</p>
<pre><code>certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n hearth -i hearth-root.pem</code></pre></details>
<details data-os="Firefox"><summary>Firefox, on every system</summary><ol>
<li>Settings, Privacy &amp; Security, Certificates, View Certificates, Authorities, Import: the root certificate.</li>
<li>Tick <em>Trust this CA to identify websites</em>.</li></ol></details>
<details><summary>Televisions and others that cannot</summary><p>Whoever runs this home gives the service
<code>https: optional</code>; then it is also there by plain HTTP.</p></details>
)";

// Without a script everything else still works.
constexpr std::string_view kScript = R"(<script>
"use strict";
var at = document.getElementById("check");
function say(kind, text) { at.className = kind; at.textContent = text; }
fetch(at.dataset.url, {cache: "no-store"}).then(function (answer) {
  if (!answer.ok) throw 0;
  say("good", "This browser trusts this home.");
}).catch(function () {
  say("bad", "This browser does not trust this home yet, or HTTPS does not answer. Install the root, then load this page again.");
});
document.querySelectorAll("details[data-os]").forEach(function (one) {
  one.open = one.dataset.os.split(" ").some(function (os) { return navigator.userAgent.indexOf(os) >= 0; });
});
</script>
)";

std::string base64(std::string_view octets) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < octets.size(); at += 3) {
        const std::string_view group = octets.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i)
            bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
        for (std::size_t i = 0; i < 4; ++i)
            text += i <= group.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    }
    return text;
}

// 32 digits of a fingerprint from `first` on, in the form of RFC 4122; the same root has the same.
std::string uuid_of(std::string_view fingerprint, std::size_t first) {
    std::string digits;
    for (const char c : fingerprint)
        if (c != ':') digits += c;
    std::string text = digits.substr(first, 32);
    for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
    return text;
}

void replace_all(std::string& text, std::string_view mark, std::string_view with) {
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
        text.replace(at, mark.size(), with);
}

void append_field(std::string& out, std::string_view key, std::string_view value) {
    out.append("<key>").append(key).append("</key><string>");
    append_html(out, value);
    out += "</string>\n";
}

}  // namespace

std::string trust_page(const OwnSite& site) {
    std::string out(kHead);
    if (site.root == nullptr) return out.append(kNoRoot).append("</body></html>\n");
    out.append(kWhy);
    out += "<p id=\"check\" role=\"status\" data-url=\"https://";
    append_html(out, site.host);
    if (site.https_port != 443) out.append(":").append(std::to_string(site.https_port));
    out += "/trust/check\">Whether this browser trusts this home is found out by a script.</p>\n";
    out.append(kDownloads);
    out +=
        "<p>Before you install it, compare: <code>hearth ca show</code> on a machine that runs "
        "Hearth prints the same."
        "<br><code>";
    append_html(out, site.root->subject);
    out += "</code><br><code>SHA-256 ";
    append_html(out, site.root->fingerprint);
    out += "</code></p>\n";
    std::string host;
    append_html(host, site.host);
    std::string steps(kSteps);
    replace_all(steps, "@HOST@", host);
    return out.append(steps).append(kScript).append("</body></html>\n");
}

// https://developer.apple.com/documentation/devicemanagement/certificateroot
std::string trust_profile(const OwnSite& site) {
    const LocalRoot& root = *site.root;
    std::string out =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
        "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
        "<plist version=\"1.0\"><dict>\n"
        "<key>PayloadContent</key><array><dict>\n"
        "<key>PayloadCertificateFileName</key><string>hearth-root.crt</string>\n"
        "<key>PayloadContent</key><data>";
    out += base64(root.der) + "</data>\n";
    append_field(out, "PayloadDisplayName", root.subject);
    append_field(out, "PayloadIdentifier", std::string(site.host) + ".trust.root");
    append_field(out, "PayloadType", "com.apple.security.root");
    append_field(out, "PayloadUUID", uuid_of(root.fingerprint, 0));
    out += "<key>PayloadVersion</key><integer>1</integer>\n</dict></array>\n";
    append_field(out, "PayloadDescription",
                 "Lets this device trust the services of this home, and nothing else.");
    append_field(out, "PayloadDisplayName", root.subject);
    append_field(out, "PayloadIdentifier", std::string(site.host) + ".trust");
    append_field(out, "PayloadType", "Configuration");
    append_field(out, "PayloadUUID", uuid_of(root.fingerprint, 32));
    out += "<key>PayloadVersion</key><integer>1</integer>\n</dict></plist>\n";
    return out;
}

}  // namespace hearth::proxy

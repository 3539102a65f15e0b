#include "cli/daemons.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <utility>

#include "runtime/control_client.h"

namespace hearth::cli {
namespace {

namespace json = boost::json;
using runtime::ControlMethod;

// Fetching a status must not wait for a hung daemon for long; a reload reads files and may.
Result<json::value> call(const std::string& socket, ControlMethod method, std::string_view target,
                         std::string body_text = {}) {
    auto response = runtime::control_request(socket, method, target, std::move(body_text));
    if (!response) return fail(response.error());
    json::error_code error;
    auto body = json::parse(response->body, error);
    const bool is_refused = response->status >= 400;
    if (is_refused) {
        const std::string detail = error ? response->body : text_of(body, "error");
        const Errc code = response->status == 403   ? Errc::kRefused
                          : response->status == 404 ? Errc::kNotFound
                          : response->status == 409 ? Errc::kConflict
                          : response->status == 503 ? Errc::kConflict  // not now
                                                    : Errc::kInvalid;
        return fail(code, socket, detail);
    }
    if (error) return fail(Errc::kInvalid, socket, "the answer is not JSON");
    return body;
}

}  // namespace

std::string Daemons::socket(std::string_view daemon) const {
    return run_dir_ + "/" + std::string(daemon) + ".sock";
}

Result<json::value> Daemons::get(std::string_view daemon, std::string_view target) const {
    return call(socket(daemon), ControlMethod::kGet, target);
}

bool Daemons::is_expected(std::string_view daemon) const {
    std::error_code ignored;
    return daemon != "certs" || std::filesystem::exists(socket(daemon), ignored);
}

Result<json::value> Daemons::post(std::string_view daemon, std::string_view target,
                                  std::string body) const {
    return call(socket(daemon), ControlMethod::kPost, target, std::move(body));
}

Result<void> Daemons::follow(std::string_view daemon, std::string_view topic,
                             const std::function<bool(std::string_view)>& on_event) const {
    return runtime::follow_events(socket(daemon), "/events?topic=" + std::string(topic),
                                  [&on_event](const runtime::ControlEvent& event) {
                                      return on_event(event.data) ? runtime::Follow::kContinue
                                                                  : runtime::Follow::kStop;
                                  });
}

Exit complain_of(std::string_view daemon, const Error& error, const Console& console) {
    const std::string program = "hearth-" + std::string(daemon);
    switch (error.code) {
        case Errc::kRefused:
            console.complain(error.to_string(),
                             "Root and members of the group hearth may ask: sudo hearth …");
            return Exit::kRefused;
        case Errc::kInvalid: console.complain(program + ": " + error.detail); return Exit::kInvalid;
        case Errc::kConflict:
        case Errc::kNotFound:
            console.complain(program + ": " + error.detail);
            return Exit::kFinding;
        default:
            console.complain(program + " does not answer (" + error.to_string() + ")",
                             "Start it with `systemctl start " + program +
                                 "`, or name its folder with --run-dir; `journalctl -u " + program +
                                 "` says why it ended.");
            return Exit::kUnreachable;
    }
}

const json::value& child_of(const json::value& value, std::string_view key) {
    static const json::value nothing;
    const auto* object = value.if_object();
    const auto* child = object != nullptr ? object->if_contains(key) : nullptr;
    return child != nullptr ? *child : nothing;
}

std::string text_of(const json::value& value, std::string_view key) {
    const auto* text = child_of(value, key).if_string();
    return text != nullptr ? std::string(*text) : std::string();
}

std::int64_t number_of(const json::value& value, std::string_view key) {
    const json::value& child = child_of(value, key);
    json::error_code error;
    return child.is_number() ? child.to_number<std::int64_t>(error) : 0;
}

bool flag_of(const json::value& value, std::string_view key) {
    const auto* flag = child_of(value, key).if_bool();
    return flag != nullptr && *flag;
}

std::string url_encode(std::string_view text) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                              c == '~';
        const auto octet = static_cast<unsigned char>(c);
        if (is_plain) out.push_back(c);
        if (!is_plain) out += {'%', kHex[octet >> 4], kHex[octet & 15]};
    }
    return out;
}

}  // namespace hearth::cli

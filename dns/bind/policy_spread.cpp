#include "dns/bind/policy_spread.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "base/time.h"
#include "dns/bind/overrides_json.h"
#include "runtime/event_loop.h"

namespace hearth::dns {
namespace {

namespace json = boost::json;

constexpr Duration kAnswerWithin = 3s;
constexpr std::size_t kMostOctets = 40U << 10;  // hearth-lb takes 48 KiB at once
constexpr std::int64_t kClockSlackMs = 120'000;
constexpr const char* kSaid = "dns/policy";
constexpr const char* kWanted = "dns/policy-wanted";

const json::value* at(const json::value& value, std::string_view key) {
    const json::object* object = value.if_object();
    return object == nullptr ? nullptr : object->if_contains(key);
}

std::string text_at(const json::value& value, std::string_view key) {
    const json::value* found = at(value, key);
    const json::string* text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string() : std::string(*text);
}

std::int64_t number_at(const json::value& value, std::string_view key) {
    const json::value* found = at(value, key);
    const std::int64_t* number = found == nullptr ? nullptr : found->if_int64();
    return number == nullptr ? 0 : *number;
}

json::value parsed(const std::string& text) {
    boost::system::error_code error;
    json::value value = json::parse({text.data(), text.size()}, error);
    return error ? json::value() : value;
}

const json::value* find_node(const json::value& answer, const std::string& node) {
    const json::value* nodes = at(answer, "nodes");
    const json::array* list = nodes == nullptr ? nullptr : nodes->if_array();
    if (list == nullptr) return nullptr;
    for (const json::value& one : *list)
        if (text_at(one, "name") == node) return &one;
    return nullptr;
}

std::int64_t wall_now_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// Why it does not hold at a node, empty when it does; from hearth-lb's word on that node.
std::string fault_of(const json::value* told) {
    if (told == nullptr)
        return "the nodes have no connection: give them one key file (hearth peer keygen)";
    const auto answer = text_at(*told, "answer");
    const auto status = number_at(*told, "status");
    if (status == 0 || status == 503) return answer + "; it learns of it when it is back";
    const json::value said = parsed(answer);
    if (status != 200) {
        const auto why = text_at(said, "error");
        return "its hearth-dns refused it: " + (why.empty() ? answer : why);
    }
    const std::int64_t there = number_at(said, "now_ms");
    if (there != 0 && std::abs(there - wall_now_ms()) > kClockSlackMs)
        return "its clock differs by " + std::to_string(std::abs(there - wall_now_ms()) / 1000) +
               " s: what is limited in time may hold at another time there";
    return {};
}

}  // namespace

PolicySpread::PolicySpread(runtime::EventLoop& control, const std::filesystem::path& run_dir,
                           std::function<const Overrides&()> all)
    : control_(control), socket_(run_dir / "lb.sock"), all_(std::move(all)) {}

void PolicySpread::use(std::vector<std::string> other_nodes) {
    others_ = std::move(other_nodes);
    if (others_.empty()) stream_.reset();
}

// We may have missed something while we were not there, and so may a node that comes back; those
// who meet tell each other all they know.
void PolicySpread::look() {
    if (stream_ || others_.empty()) return;
    runtime::EventStream::Handlers handlers;
    handlers.on_open = [this] {
        tell_all();
        post(kWanted, "", [](const Answer&) {});
    };
    handlers.on_event = [this](const runtime::ControlEvent&) { tell_all(); };
    handlers.on_closed = [this](const Error&) { stream_.reset(); };
    stream_ =
        runtime::EventStream::open(control_, socket_, "/events?topic=peers", std::move(handlers));
}

void PolicySpread::post(const std::string& topic, std::string body,
                        std::function<void(Answer)> done) {
    runtime::async_control_request(
        control_, socket_, runtime::ControlMethod::kPost, "/peers/relay?topic=" + topic,
        std::move(body), kAnswerWithin,
        [alive = std::weak_ptr(alive_), done = std::move(done)](Answer answer) {
            if (!alive.expired()) done(std::move(answer));
        });
}

void PolicySpread::tell(const Override& said, std::function<void(json::array)> done) {
    if (others_.empty()) return done({});
    Overrides one;
    (void)one.put(said);
    post(kSaid, write_overrides(one),
         [this, done = std::move(done)](const Answer& answer) { done(nodes_in(answer)); });
}

void PolicySpread::tell_all() {
    for (auto& part : write_overrides_in_parts(all_(), kMostOctets))
        post(kSaid, std::move(part), [](const Answer&) {});
}

json::array PolicySpread::nodes_in(const Answer& answer) const {
    const json::value told = answer ? parsed(answer->body) : json::value();
    json::array nodes;
    for (const std::string& name : others_) {
        const auto why = answer ? fault_of(find_node(told, name))
                                : "hearth-lb does not answer here; it learns of it later";
        json::object node{{"node", name}, {"holds", why.empty()}};
        if (!why.empty()) node["why"] = why;
        nodes.push_back(std::move(node));
    }
    return nodes;
}

}  // namespace hearth::dns

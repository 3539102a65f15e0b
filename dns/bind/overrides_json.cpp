#include "dns/bind/overrides_json.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>

namespace hearth::dns {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestClient = 255;
constexpr std::size_t kLongestText = 1U << 20;

std::string_view kind_name(Override::Kind kind) noexcept {
    switch (kind) {
        case Override::Kind::kAllow: return "allow";
        case Override::Kind::kDeny: return "deny";
        case Override::Kind::kPause: return "pause";
    }
    return "pause";
}

std::optional<Override::Kind> kind_of(std::string_view text) noexcept {
    for (const auto kind : {Override::Kind::kAllow, Override::Kind::kDeny, Override::Kind::kPause})
        if (text == kind_name(kind)) return kind;
    return std::nullopt;
}

std::string text_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    const json::string* text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr ? std::string() : std::string(*text);
}

std::int64_t number_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    const std::int64_t* number = value == nullptr ? nullptr : value->if_int64();
    return number == nullptr || *number < 0 ? 0 : *number;
}

std::optional<Override> parse_one(const json::value& value) {
    const json::object* object = value.if_object();
    if (object == nullptr) return std::nullopt;
    const auto kind = kind_of(text_at(*object, "action"));
    const auto name = Name::parse(text_at(*object, "name"));
    if (!kind || !name) return std::nullopt;
    Override said;
    said.kind = *kind;
    said.name = *name;
    said.client = text_at(*object, "client");
    said.until_s = number_at(*object, "until");
    said.changed_ms = number_at(*object, "changed_ms");
    said.node = text_at(*object, "node");
    const json::value* lifted = object->if_contains("lifted");
    said.is_lifted = lifted != nullptr && lifted->is_bool() && lifted->get_bool();
    const bool is_pause = said.kind == Override::Kind::kPause;
    if (said.client.size() > kLongestClient || said.node.size() > kLongestClient ||
        said.name.is_root() != is_pause)
        return std::nullopt;
    return said;
}

}  // namespace

json::object override_json(const Override& said) {
    json::object object;
    object["action"] = kind_name(said.kind);
    object["name"] = said.name.to_string();
    object["client"] = said.client;
    object["until"] = said.until_s;
    object["changed_ms"] = said.changed_ms;
    object["node"] = said.node;
    object["lifted"] = said.is_lifted;
    return object;
}

std::string write_overrides(const Overrides& overrides) {
    json::array list;
    for (const Override& said : overrides.all()) list.push_back(override_json(said));
    json::object whole;
    whole["version"] = 1;
    whole["overrides"] = std::move(list);
    return json::serialize(whole) + "\n";
}

std::vector<std::string> write_overrides_in_parts(const Overrides& overrides, std::size_t most) {
    std::vector<std::string> parts;
    Overrides part;
    std::size_t octets = 0;
    for (const Override& said : overrides.all()) {
        const std::size_t size = json::serialize(override_json(said)).size();
        if (octets > 0 && octets + size > most) {
            parts.push_back(write_overrides(part));
            part = {};
            octets = 0;
        }
        (void)part.put(said);
        octets += size + 1;
    }
    if (octets > 0) parts.push_back(write_overrides(part));
    return parts;
}

Result<Overrides> parse_overrides(std::string_view text) {
    const auto refuse = [](const char* why) { return fail(Errc::kInvalid, "overrides", why); };
    if (text.size() > kLongestText) return refuse("longer than 1 MiB");
    boost::system::error_code error;
    const json::value whole = json::parse({text.data(), text.size()}, error);
    const json::object* object = error ? nullptr : whole.if_object();
    const json::value* list = object == nullptr ? nullptr : object->if_contains("overrides");
    if (list == nullptr || !list->is_array()) return refuse("not a list of overrides");
    Overrides found;
    for (const json::value& one : list->get_array()) {
        const auto said = parse_one(one);
        if (!said) return refuse("an entry is not an override");
        (void)found.put(*said);
    }
    return found;
}

}  // namespace hearth::dns

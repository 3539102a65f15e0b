#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "config/diagnostic.h"
#include "config/document.h"
#include "config/yaml_tree.h"

// The field tables: one row per key, from which the reader, the JSON Schema and the reference page
// are made. A row names the member it fills, a codec that turns YAML into that member's type, and
// what people need to know. Defaults are the members' own initialisers in document.h.
namespace hearth::config {

struct SectionTable;

enum class Shape : std::uint8_t {
    kOne,
    kList,  // a list, or one value without the brackets
    kMap,   // names of the owner's choice, each with a value
};

// How much of a kind a document may have: far above any home, and few enough that checks which
// compare each with each stay instant.
struct Limits {
    std::size_t min = 0;
    std::size_t max = 256;
};

inline constexpr Limits kNotEmpty{1};

// What a field accepts, told to people and to editors.
struct TypeInfo {
    std::string name;    // "duration, 10ms to 1h"
    std::string schema;  // JSON Schema of one value, when it is not a section
    Shape shape = Shape::kOne;
    Limits limits;                          // kList, kMap
    const SectionTable* section = nullptr;  // of one value
    std::string key_schema;                 // kMap: JSON Schema of the names
};

enum class Presence : std::uint8_t { kOptional, kRequired };

// What the reader knows while it goes through the tables in their order.
struct ReadContext {
    Diagnostics& diagnostics;
    std::string folder;        // of hearth.yaml; absolute
    const Document& document;  // filled so far: domain, lan, nodes, vips come first
    std::set<std::string>
        broken;  // top-level keys that had errors: what refers to them is not judged
};

struct Field {
    std::string_view key;
    Presence presence = Presence::kOptional;
    TypeInfo type;
    std::string fallback;  // the default as people would write it, or a phrase in parentheses
    std::string_view help;
    std::string_view example;
    // Fills the section at `target`; false after it has reported why not.
    std::function<bool(const Value&, void* target, ReadContext&)> read;
};

// One section. `path` is where it stands, NAME being what the owner chooses: "vips.NAME".
struct SectionTable {
    std::string_view path;
    std::string_view help;
    std::string_view shorthand;  // the key a bare value stands for, or empty
    std::vector<Field> fields;
    // Holds what one key alone cannot say; runs when every field was read.
    std::function<bool(const Value&, Span, void* target, ReadContext&)> finish;

    [[nodiscard]] const Field* find(std::string_view key) const noexcept;
    // `key_span`: where findings about the section as a whole point.
    bool read(const Value& value, Span key_span, void* target, ReadContext& context) const;
};

// The table that fills an S.
template <class S>
struct Section : SectionTable {};

struct Fault {
    std::string message;
    std::string suggestion;
};

template <class M>
using Parsed = tl::expected<M, Fault>;

[[nodiscard]] inline tl::unexpected<Fault> fault(std::string message, std::string suggestion = {}) {
    return tl::unexpected<Fault>(Fault{std::move(message), std::move(suggestion)});
}

// How YAML becomes an M. `read` reports what is wrong and returns false.
template <class M>
struct Codec {
    TypeInfo type;
    std::function<bool(const Value&, M&, ReadContext&)> read;
    std::function<std::string(const M&)> print;  // for defaults; empty: there is nothing to show
};

// "a map", "a list", "nothing", "text": what stands there, for messages.
[[nodiscard]] std::string_view kind_name(const Value& value) noexcept;
// Reports anything but a scalar.
[[nodiscard]] bool expect_scalar(const Value& value, std::string_view wanted, ReadContext& context);

// A codec for one scalar from a function of the scalar (and the context).
template <class M, class Parse>
[[nodiscard]] Codec<M> scalar(std::string name, const std::string& schema, Parse parse,
                              std::function<std::string(const M&)> print = {}) {
    Codec<M> codec;
    codec.type.name = name;
    codec.type.schema = schema;
    codec.print = std::move(print);
    codec.read = [name = std::move(name), parse = std::move(parse)](const Value& value, M& out,
                                                                    ReadContext& context) {
        if (!expect_scalar(value, name, context)) return false;
        Parsed<M> parsed = [&] {
            if constexpr (std::is_invocable_v<Parse, const Value&, ReadContext&>)
                return parse(value, context);
            else
                return parse(value);
        }();
        if (!parsed) {
            context.diagnostics.error(value.span, parsed.error().message,
                                      parsed.error().suggestion);
            return false;
        }
        out = std::move(*parsed);
        return true;
    };
    return codec;
}

// Reports a list or map that is shorter or longer than `limits` allow.
[[nodiscard]] bool expect_count(std::size_t count, Limits limits, const Value& value,
                                ReadContext& context);

// A list, or one item without the brackets.
template <class M>
[[nodiscard]] Codec<std::vector<M>> list_of(Codec<M> item, Limits limits = {}) {
    Codec<std::vector<M>> codec;
    codec.type = item.type;
    codec.type.shape = Shape::kList;
    codec.type.limits = limits;
    codec.read = [item = std::move(item), limits](const Value& value, std::vector<M>& out,
                                                  ReadContext& context) {
        const bool is_list = value.kind == Kind::kSequence;
        const std::size_t count = is_list ? value.items.size() : value.kind == Kind::kNull ? 0 : 1;
        bool is_good = expect_count(count, limits, value, context);
        if (!is_good) return false;
        out.clear();
        const auto read_one = [&](const Value& one) {
            is_good = item.read(one, out.emplace_back(), context) && is_good;
        };
        for (const Value& one : value.items) read_one(one);
        if (!is_list && count == 1) read_one(value);
        return is_good;
    };
    return codec;
}

// One value that is a section of its own.
template <class S>
[[nodiscard]] Codec<S> section(const Section<S>& table) {
    Codec<S> codec;
    codec.type.name = "section";
    codec.type.section = &table;
    codec.read = [&table](const Value& value, S& out, ReadContext& context) {
        return table.read(value, value.span, &out, context);
    };
    return codec;
}

// A name of the owner's choice: a host label in lower case that no YAML reader takes for a boolean
// or a number.
[[nodiscard]] Parsed<std::string> parse_label(const std::string& text, Style style);
[[nodiscard]] bool expect_label(const Entry& entry, ReadContext& context);
[[nodiscard]] std::string label_schema();

// Names of the owner's choice, each with a section; the name goes to S::name.
template <class S>
[[nodiscard]] Codec<std::vector<S>> named(const Section<S>& table, Limits limits) {
    Codec<std::vector<S>> codec;
    codec.type.name = "map";
    codec.type.shape = Shape::kMap;
    codec.type.limits = limits;
    codec.type.section = &table;
    codec.type.key_schema = label_schema();
    codec.read = [&table, limits](const Value& value, std::vector<S>& out, ReadContext& context) {
        if (value.kind != Kind::kMapping && value.kind != Kind::kNull) {
            context.diagnostics.error(
                value.span, "expected a map of names here, found " + std::string(kind_name(value)));
            return false;
        }
        if (!expect_count(value.entries.size(), limits, value, context)) return false;
        bool is_good = true;
        for (const Entry& entry : value.entries) {
            S one;
            one.name = entry.key;
            is_good = expect_label(entry, context) && is_good;
            is_good = table.read(entry.value, entry.key_span, &one, context) && is_good;
            out.push_back(std::move(one));
        }
        return is_good;
    };
    return codec;
}

// A row for a member.
template <class S, class M>
[[nodiscard]] Field field(std::string_view key, M S::*member, Codec<M> codec, std::string_view help,
                          std::string_view example, Presence presence = Presence::kOptional,
                          std::string_view fallback = {}) {
    Field row;
    row.key = key;
    row.presence = presence;
    row.type = codec.type;
    row.help = help;
    row.example = example;
    row.fallback = fallback;
    if (fallback.empty() && presence == Presence::kOptional && codec.print)
        row.fallback = codec.print(S{}.*member);
    row.read = [member, read = std::move(codec.read)](const Value& value, void* target,
                                                      ReadContext& context) {
        return read(value, static_cast<S*>(target)->*member, context);
    };
    return row;
}

// A row that fills more than one member, or none; `read` is given the section.
template <class S, class Read>
[[nodiscard]] Field custom_field(std::string_view key, TypeInfo type, std::string fallback,
                                 Read read, std::string_view help, std::string_view example) {
    Field row;
    row.key = key;
    row.type = std::move(type);
    row.fallback = std::move(fallback);
    row.help = help;
    row.example = example;
    row.read = [read = std::move(read)](const Value& value, void* target, ReadContext& context) {
        return read(value, *static_cast<S*>(target), context);
    };
    return row;
}

template <class S, class M>
[[nodiscard]] Field required(std::string_view key, M S::*member, Codec<M> codec,
                             std::string_view help, std::string_view example) {
    return field(key, member, std::move(codec), help, example, Presence::kRequired);
}

}  // namespace hearth::config

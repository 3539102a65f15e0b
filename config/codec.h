#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "config/field.h"

// The codecs of scalars: text of the document to values, and back for defaults.
namespace hearth::config {

[[nodiscard]] Parsed<std::uint64_t> parse_integer(const Value& value, std::uint64_t min,
                                                  std::uint64_t max);
[[nodiscard]] Parsed<std::chrono::milliseconds> parse_duration(const Value& value,
                                                               std::chrono::milliseconds min,
                                                               std::chrono::milliseconds max);
[[nodiscard]] Parsed<std::uint64_t> parse_size(const Value& value, std::uint64_t min,
                                               std::uint64_t max);
[[nodiscard]] std::string print_duration(std::chrono::milliseconds duration);
[[nodiscard]] std::string print_size(std::uint64_t bytes);
[[nodiscard]] std::string integer_schema(std::uint64_t min, std::uint64_t max);
[[nodiscard]] std::string text_schema(std::string_view pattern = {}, std::string_view format = {});

template <class M>
[[nodiscard]] Codec<M> integer(std::uint64_t min, std::uint64_t max) {
    const auto parse = [min, max](const Value& value) {
        return parse_integer(value, min, max).map([](std::uint64_t v) {
            return static_cast<M>(v);
        });
    };
    return scalar<M>("number, " + std::to_string(min) + " to " + std::to_string(max),
                     integer_schema(min, max), parse,
                     [](const M& value) { return std::to_string(value); });
}

template <class D>
[[nodiscard]] Codec<D> duration(std::chrono::milliseconds min, std::chrono::milliseconds max) {
    const auto parse = [min, max](const Value& value) -> Parsed<D> {
        const auto read = parse_duration(value, min, max);
        if (!read) return tl::unexpected<Fault>(read.error());
        const auto whole = std::chrono::duration_cast<D>(*read);
        if (whole != *read) return fault("only whole seconds here", print_duration(whole));
        return whole;
    };
    return scalar<D>("duration, " + print_duration(min) + " to " + print_duration(max),
                     text_schema("^[0-9]+(ms|s|m|h|d)$"), parse,
                     [](const D& value) { return print_duration(value); });
}

// "a, b or c", and the JSON Schema for them.
[[nodiscard]] std::string listed_words(const std::vector<std::string>& words);
[[nodiscard]] std::string words_schema(const std::vector<std::string>& words);
// The index of `text` among `words`, or a fault with a suggestion.
[[nodiscard]] Parsed<std::size_t> parse_word(const std::string& text,
                                             const std::vector<std::string>& words);

// One of a few words, each with its meaning.
template <class M>
[[nodiscard]] Codec<M> one_of(const std::vector<std::pair<std::string, M>>& meanings) {
    std::vector<std::string> words;
    for (const auto& [word, meaning] : meanings) words.push_back(word);
    const auto parse = [words, meanings](const Value& value) {
        return parse_word(value.text, words).map([&](std::size_t i) { return meanings[i].second; });
    };
    return scalar<M>(listed_words(words), words_schema(words), parse, [meanings](const M& value) {
        for (const auto& [word, meaning] : meanings)
            if (meaning == value) return word;
        return std::string();
    });
}

[[nodiscard]] Codec<std::size_t> size(std::uint64_t min, std::uint64_t max);
[[nodiscard]] Codec<bool> boolean();
[[nodiscard]] Codec<std::uint16_t> port();
[[nodiscard]] Codec<IpAddress> address();
[[nodiscard]] Codec<IpPrefix> prefix();
[[nodiscard]] Codec<Endpoint> endpoint();
[[nodiscard]] Codec<Name> domain_name();
[[nodiscard]] Codec<std::string> interface_name();
[[nodiscard]] Codec<std::string> host_label();
[[nodiscard]] Codec<std::string> node_name();  // one that `nodes` has
[[nodiscard]] Codec<std::string> vip_name();   // one that `vips` has
[[nodiscard]] Codec<std::string> path();       // relative to the folder of hearth.yaml
[[nodiscard]] Codec<std::string> program();    // the same, of what is run
[[nodiscard]] Codec<std::string> http_url();
[[nodiscard]] Codec<NameRule> name_rule();
[[nodiscard]] Codec<Upstream> upstream();
[[nodiscard]] Codec<std::optional<IpPrefix>> client_subnet();
[[nodiscard]] Codec<HttpUpstream> http_upstream();
// NODE, NODE:PORT, ADDRESS or ADDRESS:PORT; port 0 when it is not written.
[[nodiscard]] Codec<Endpoint> backend();

}  // namespace hearth::config

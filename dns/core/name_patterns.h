#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::dns {

// Why an expression cannot be used, for people; nullopt: it can. RE2 syntax: its time is linear in
// the name's length, whatever the expression.
[[nodiscard]] std::optional<std::string> pattern_fault(std::string_view expression);

// Many expressions that are tried on a name at once. Bounded in memory; const calls from any
// thread.
class NamePatterns {
public:
    // All of them together; what is beyond is for the caller to leave out.
    static constexpr std::size_t kMost = 10'000;

    // Each has no pattern_fault().
    explicit NamePatterns(const std::vector<std::string>& expressions);
    ~NamePatterns();
    NamePatterns(NamePatterns&&) noexcept;
    NamePatterns& operator=(NamePatterns&&) noexcept;

    // Indices of those found anywhere in `name` ("ads.example", lower case, no final dot), in
    // ascending order, into `found`.
    void match(std::string_view name, std::vector<std::uint32_t>& found) const;
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    struct Part;
    std::vector<Part> parts_;
    std::size_t size_ = 0;
};

}  // namespace hearth::dns

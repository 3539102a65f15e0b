#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace hearth {

// What kind of thing went wrong; callers branch on this and never on text.
enum class Errc {
    kInvalid,      // the bytes or the text are not what the format allows
    kTruncated,    // the input ends before the format does
    kTooLarge,     // a limit of ours, named in `detail`, was reached
    kNotFound,     // the thing named does not exist
    kConflict,     // it exists already, or contradicts another
    kRefused,      // policy or permission says no
    kUnavailable,  // a peer, file or device does not answer now; trying again may help
    kTimeout,      // a deadline passed
    kSystem,       // the operating system said no; `detail` carries its words
};

[[nodiscard]] std::string_view to_string(Errc code) noexcept;

// An error that a person will read. `where` names the thing (a path, a document
// position, an address), `detail` says what is wrong and what to do about it.
struct [[nodiscard]] Error {
    Errc code = Errc::kInvalid;
    std::string where;
    std::string detail;

    // "where: detail", or the part that is there.
    [[nodiscard]] std::string to_string() const;

    // kSystem from an errno value.
    static Error from_errno(std::string where, int errnum);
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string where, std::string detail) {
    return tl::unexpected<Error>(Error{code, std::move(where), std::move(detail)});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

}  // namespace hearth

#pragma once

#include <string_view>

namespace hearth::proxy {

// Changes the octets of a body on its way.
class BodyCoder {
public:
    virtual ~BodyCoder() = default;

    enum class Part : bool { kMore, kLast };
    // What can be sent of everything given so far: nothing is held back that the receiver could
    // use. The view holds until the next call.
    [[nodiscard]] virtual std::string_view code(std::string_view octets, Part part) = 0;
};

}  // namespace hearth::proxy

#pragma once

#include <memory>

namespace hearth {

// Owns what a C library has made, and gives it back with the library's own function.
template <auto Free>
struct FreedBy {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
template <class T, auto Free>
using CPointer = std::unique_ptr<T, FreedBy<Free>>;

}  // namespace hearth

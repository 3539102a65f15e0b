#pragma once

#include <algorithm>
#include <vector>

namespace hearth::lb {

template <class T>
[[nodiscard]] bool contains(const std::vector<T>& list, const T& one) {
    return std::ranges::find(list, one) != list.end();
}

}  // namespace hearth::lb

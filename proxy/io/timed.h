#pragma once

#include "proxy/core/timer_wheel.h"

namespace hearth::proxy {

// Something with one deadline on the worker's wheel.
class Timed : public Timer {
public:
    virtual void on_deadline() = 0;

protected:
    ~Timed() = default;
};

}  // namespace hearth::proxy

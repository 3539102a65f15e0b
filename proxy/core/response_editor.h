#pragma once

#include "proxy/core/body_coder.h"
#include "proxy/model/message.h"

namespace hearth::proxy {

// Has the last word on a final response's head before it is written for the client.
class ResponseEditor {
public:
    virtual void edit(ResponseHead& head) = 0;
    // After edit(): what changes the body, or nullptr. Then the head has no length any more.
    [[nodiscard]] virtual BodyCoder* coder() noexcept = 0;

protected:
    ~ResponseEditor() = default;
};

}  // namespace hearth::proxy

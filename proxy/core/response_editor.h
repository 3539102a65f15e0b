#pragma once

#include "proxy/model/message.h"

namespace hearth::proxy {

// Has the last word on a final response's head before it is written for the client.
class ResponseEditor {
public:
    virtual void edit(ResponseHead& head) = 0;

protected:
    ~ResponseEditor() = default;
};

}  // namespace hearth::proxy

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "runtime/control_client.h"

namespace hearth::runtime {

// Server-sent events as event_hub writes them: "event:" and "data:" lines, ended by an
// empty line. Other fields and comments are ignored. Takes the stream in pieces of any size.
class EventStreamParser {
public:
    // False when a line is longer than 2 MiB: the stream is not ours.
    [[nodiscard]] bool feed(std::string_view bytes,
                            const std::function<void(const ControlEvent&)>& on_event);

private:
    void end_line(const std::function<void(const ControlEvent&)>& on_event);
    std::string line_;
    ControlEvent event_;
    bool has_data_ = false;
};

}  // namespace hearth::runtime

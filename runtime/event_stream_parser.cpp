#include "runtime/event_stream_parser.h"

namespace hearth::runtime {

namespace {
constexpr std::size_t kMaxLine = 2 << 20;
}

bool EventStreamParser::feed(std::string_view bytes,
                             const std::function<void(const ControlEvent&)>& on_event) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        if (line_.size() + piece.size() > kMaxLine) return false;
        line_ += piece;
        if (end == std::string_view::npos) return true;
        bytes.remove_prefix(end + 1);
        end_line(on_event);
    }
    return true;
}

void EventStreamParser::end_line(const std::function<void(const ControlEvent&)>& on_event) {
    const std::string line = std::exchange(line_, {});
    if (line.empty()) {
        const ControlEvent event = std::exchange(event_, {});
        if (std::exchange(has_data_, false)) on_event(event);
        return;
    }
    const std::size_t colon = line.find(':');
    const std::string_view name = std::string_view(line).substr(0, colon);
    std::string_view value =
        colon == std::string::npos ? "" : std::string_view(line).substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "event") {
        event_.topic = value;
    } else if (name == "data") {
        event_.data = value;
        has_data_ = true;
    }
}

}  // namespace hearth::runtime

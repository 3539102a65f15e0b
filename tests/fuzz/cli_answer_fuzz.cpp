// What `hearth explain` reads from the network: a DNS answer and an HTTP status line.

#include <cstdint>

#include "cli/dns_question.h"
#include "cli/http_probe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const hearth::ByteView octets{data, size};
    (void)hearth::cli::decode_answer(octets, size < 2 ? std::uint16_t{0} : hearth::load_be16(data));
    (void)hearth::cli::parse_status_line(hearth::as_text(octets));
    return 0;
}

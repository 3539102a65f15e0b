#include "dns/io/dnstap.h"

#include <fstrm.h>

#include <cstdlib>
#include <cstring>
#include <utility>

namespace hearth::dns {
namespace {

constexpr std::string_view kContentType = "protobuf:dnstap.Dnstap";
constexpr unsigned kQueue = 2048;  // messages of one worker; a power of two
constexpr unsigned kReopenSeconds = 1;

// libfstrm hands over with barriers that ThreadSanitizer does not see.
#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
extern "C" const char* __tsan_default_suppressions() { return "called_from_lib:libfstrm.so\n"; }
#define HEARTH_HANDED_OVER(data) __tsan_release(data)
#define HEARTH_TAKEN_OVER(data) __tsan_acquire(data)
#else
#define HEARTH_HANDED_OVER(data) (void)(data)
#define HEARTH_TAKEN_OVER(data) (void)(data)
#endif

void release(void* data, void*) {
    HEARTH_TAKEN_OVER(data);
    std::free(data);
}

}  // namespace

struct Dnstap::Impl {
    ~Impl() { fstrm_iothr_destroy(&thread); }

    fstrm_iothr* thread = nullptr;
    std::vector<fstrm_iothr_queue*> queues;  // the thread's
};

Dnstap::Dnstap(std::unique_ptr<Impl> impl, Options options)
    : impl_(std::move(impl)), options_(std::move(options)) {}

Dnstap::~Dnstap() = default;

Result<std::unique_ptr<Dnstap>> Dnstap::start(const Options& options) {
    auto* unix_options = fstrm_unix_writer_options_init();
    fstrm_unix_writer_options_set_socket_path(unix_options, options.socket.c_str());
    auto* writer_options = fstrm_writer_options_init();
    fstrm_writer_options_add_content_type(writer_options, kContentType.data(), kContentType.size());
    auto* writer = fstrm_unix_writer_init(unix_options, writer_options);
    fstrm_unix_writer_options_destroy(&unix_options);
    fstrm_writer_options_destroy(&writer_options);
    if (writer == nullptr)
        return fail(Errc::kInvalid, options.socket,
                    "too long for the path of a Unix socket: 107 octets at most");

    auto* thread_options = fstrm_iothr_options_init();
    fstrm_iothr_options_set_num_input_queues(thread_options, options.workers);
    fstrm_iothr_options_set_input_queue_size(thread_options, kQueue);
    fstrm_iothr_options_set_reopen_interval(thread_options, kReopenSeconds);
    fstrm_iothr_options_set_flush_timeout(thread_options, 1);
    fstrm_iothr_options_set_queue_model(thread_options, FSTRM_IOTHR_QUEUE_MODEL_SPSC);
    auto impl = std::make_unique<Impl>();
    impl->thread = fstrm_iothr_init(thread_options, &writer);
    fstrm_iothr_options_destroy(&thread_options);
    if (impl->thread == nullptr) {
        fstrm_writer_destroy(&writer);
        return fail(Errc::kSystem, options.socket, "the dnstap thread could not be started");
    }
    for (unsigned i = 0; i < options.workers; ++i)
        impl->queues.push_back(fstrm_iothr_get_input_queue_idx(impl->thread, i));
    return std::unique_ptr<Dnstap>(new Dnstap(std::move(impl), options));
}

void Dnstap::send(unsigned worker, const DnstapMessage& message) {
    const auto encoded = encode_dnstap(message, options_.identity, options_.version);
    void* copy = std::malloc(encoded.size());
    if (copy == nullptr) return;
    std::memcpy(copy, encoded.data(), encoded.size());
    HEARTH_HANDED_OVER(copy);
    const auto result = fstrm_iothr_submit(impl_->thread, impl_->queues[worker], copy,
                                           encoded.size(), release, nullptr);
    if (result == fstrm_res_success) {
        sent_.fetch_add(1, std::memory_order_relaxed);
    } else {
        std::free(copy);
        dropped_.fetch_add(1, std::memory_order_relaxed);
    }
}

}  // namespace hearth::dns

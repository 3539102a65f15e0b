#include "runtime/event_loop.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace hearth::runtime {

namespace {
constexpr std::size_t kThreadNameSize = 15;
constexpr int kOneThread = 1;  // concurrency hint: no wake-ups of threads that do not exist
}  // namespace

struct EventLoop::Impl {
    explicit Impl(std::string n) : name(std::move(n)) {}

    void run() {
        thread_id.store(std::this_thread::get_id(), std::memory_order_relaxed);
        context.run();
        thread_id.store({}, std::memory_order_relaxed);
    }

    void interrupt() const {
        if (interrupts) interrupts();
    }

    std::string name;
    std::function<void()> interrupts;
    boost::asio::io_context context{kOneThread};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    std::atomic<std::thread::id> thread_id{};
    std::thread thread;
};

EventLoop::EventLoop(std::string name) : impl_(std::make_unique<Impl>(std::move(name))) {}

EventLoop::~EventLoop() {
    stop();
    join();
}

boost::asio::io_context& EventLoop::context() noexcept { return impl_->context; }

const std::string& EventLoop::name() const noexcept { return impl_->name; }

void EventLoop::start(Urgency urgency) {
    // Signals go to the thread that waits for them: the new thread inherits a full mask.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    impl_->thread = std::thread([impl = impl_.get(), urgency] {
        pthread_setname_np(pthread_self(), impl->name.substr(0, kThreadNameSize).c_str());
        // Refused in some sandboxes, and then not.
        const sched_param none{};
        if (urgency == Urgency::kBackground)
            (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
        impl->run();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void EventLoop::run() { impl_->run(); }

void EventLoop::stop() noexcept {
    impl_->context.stop();
    impl_->interrupt();
}

void EventLoop::join() noexcept {
    if (impl_->thread.joinable()) impl_->thread.join();
}

void EventLoop::post(std::function<void()> work) {
    boost::asio::post(impl_->context, std::move(work));
    impl_->interrupt();
}

void EventLoop::run_and_wait(const std::function<void()>& work) {
    std::mutex mutex;
    std::condition_variable done;
    bool finished = false;
    post([&] {
        work();
        const std::lock_guard lock(mutex);
        finished = true;
        done.notify_one();
    });
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return finished; });
}

bool EventLoop::is_current() const noexcept {
    return impl_->thread_id.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

void EventLoop::on_interrupt(std::function<void()> interrupt) {
    impl_->interrupts = std::move(interrupt);
}

}  // namespace hearth::runtime

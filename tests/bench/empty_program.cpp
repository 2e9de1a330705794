// The task that does nothing: what B1 starts, through Muster and in the bare loop.
// Static, so that both pay the same 0.4 ms of kernel time and nothing for a dynamic linker.
int main() { return 0; }

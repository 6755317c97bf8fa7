"""A share of a CPU for a process that runs, as a pod's limit: cpu.max of cgroup v2, or the quota of v1. For the measurements in bench/."""
import os


class Limited:
    V2, V1 = "/sys/fs/cgroup", "/sys/fs/cgroup/cpu"

    def __init__(self, pid, millicores=40):
        self.pid, self.quota_us = str(pid), millicores * 100
        self.two = os.path.exists(f"{self.V2}/cgroup.controllers")
        self.root = self.V2 if self.two else self.V1
        self.path = f"{self.root}/lp-bench-{self.pid}"

    @staticmethod
    def missing():
        """Why it cannot be done here, or None."""
        try:
            with Limited(os.getpid()):
                return None
        except OSError as e:
            return f"{e.strerror}: {e.filename}"

    @staticmethod
    def put(path, text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)

    def __enter__(self):
        if self.two:
            self.put(f"{self.root}/cgroup.subtree_control", "+cpu")
        os.mkdir(self.path)
        try:
            if self.two:
                self.put(f"{self.path}/cpu.max", f"{self.quota_us} 100000")
            else:
                self.put(f"{self.path}/cpu.cfs_period_us", "100000")
                self.put(f"{self.path}/cpu.cfs_quota_us", str(self.quota_us))
            self.put(f"{self.path}/cgroup.procs", self.pid)
        except OSError:
            os.rmdir(self.path)
            raise
        return self

    def __exit__(self, *_):
        self.put(f"{self.root}/cgroup.procs", self.pid)
        os.rmdir(self.path)

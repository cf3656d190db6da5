"""What nvidia-smi prints of a machine with a divided GPU, and what HTCondor writes of its slots.

The formats are NVIDIA's (drivers 470 and later, and the UUIDs of those before) and HTCondor 23.9's;
where these tests run there is no GPU.
"""

WHOLE = "GPU-7e8f9a0b-aaaa-bbbb-cccc-0123456789ab"
DIVIDED = "GPU-5a1b6c2d-aaaa-bbbb-cccc-0123456789ab"
SMALL = "MIG-11111111-aaaa-bbbb-cccc-0123456789ab"
LARGE = "MIG-22222222-aaaa-bbbb-cccc-0123456789ab"

LISTING = f"""\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: {DIVIDED})
  MIG 1g.5gb      Device  0: (UUID: {SMALL})
  MIG 3g.20gb     Device  1: (UUID: {LARGE})
GPU 1: NVIDIA A100-SXM4-40GB (UUID: {WHOLE})
"""
OLD_LISTING = f"""\
GPU 0: A100-SXM4-40GB (UUID: {DIVIDED})
  MIG 1c.2g.10gb Device 0: (UUID: MIG-{DIVIDED}/3/0)
"""
_INSTANCE = """\
			<mig_device>
				<index>{}</index>
				<gpu_instance_id>{}</gpu_instance_id>
				<compute_instance_id>0</compute_instance_id>
				<fb_memory_usage>
					<total>{} MiB</total>
					<reserved>0 MiB</reserved>
					<used>{} MiB</used>
					<free>{} MiB</free>
				</fb_memory_usage>
			</mig_device>"""
"""Of a divided GPU: its index, its instance's id; MiB in all, used and free."""
LOG = f"""\
<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
	<driver_version>535.104.05</driver_version>
	<attached_gpus>2</attached_gpus>
	<gpu id="00000000:07:00.0">
		<product_name>NVIDIA A100-SXM4-40GB</product_name>
		<mig_mode>
			<current_mig>Enabled</current_mig>
			<pending_mig>Enabled</pending_mig>
		</mig_mode>
		<mig_devices>
{_INSTANCE.format(0, 9, 4864, 12, 4851)}
{_INSTANCE.format(1, 2, 19968, 37, 19930)}
		</mig_devices>
		<uuid>{DIVIDED}</uuid>
		<fb_memory_usage>
			<total>40960 MiB</total>
			<used>49 MiB</used>
		</fb_memory_usage>
		<bar1_memory_usage>
			<total>65536 MiB</total>
		</bar1_memory_usage>
	</gpu>
	<gpu id="00000000:0F:00.0">
		<product_name>NVIDIA A100-SXM4-40GB</product_name>
		<mig_mode>
			<current_mig>Disabled</current_mig>
			<pending_mig>Disabled</pending_mig>
		</mig_mode>
		<mig_devices>
			None
		</mig_devices>
		<uuid>{WHOLE}</uuid>
		<fb_memory_usage>
			<total>40960 MiB</total>
			<used>4 MiB</used>
		</fb_memory_usage>
	</gpu>
</nvidia_smi_log>
"""

MACHINE_AD = """\
AssignedGPUs = "GPU-a0223334"
AvailableGPUs = { GPUs_GPU_a0223334 }
DetectedGPUs = "GPU-a0223334, GPU-b1223334"
GPUs = 1
GPUs_Capability = 8.0
GPUs_DeviceName = "A100-SXM4-40GB"
GPUs_GPU_a0223334 = [ Id = "GPU-a0223334"; ClockMhz = 1410.0; Capability = 8.0; \
CoresPerCU = 64; DeviceName = "A100-SXM4-40GB"; \
DeviceUuid = "a0223334-4445-5667-899a-abbccddeeff0"; ECCEnabled = true; ComputeUnits = 42; \
DevicePciBusId = "0000:40:00.0"; GlobalMemoryMb = 47661 ]
GPUs_GlobalMemoryMb = 47661
Machine = "ada.pool"
"""
TWO_SLICES_AD = """\
AssignedGPUs = "MIG-06223301-4445-5667-899a-abbccddeeff0,MIG-GPU-f5223334-4445/1/0"
GPUs_MIG_06223301_4445_5667_899a_abbccddeeff0 = [ Id = "MIG-06223301-4445-5667-899a-abbccddeeff0"; \
ClockMhz = 1410.0; DeviceUuid = "MIG-06223301-4445-5667-899a-abbccddeeff0"; GlobalMemoryMb = 4861 ]
GPUs_MIG_GPU_f5223334_4445_1_0 = [ Id = "MIG-GPU-f5223334-4445/1/0"; GlobalMemoryMb = 20082 ]
"""
OLD_POOL_AD = """\
AssignedGPUs = "CUDA1"
CUDADeviceName = "Tesla V100-PCIE-32GB"
CUDAGlobalMemoryMb = 32510
"""

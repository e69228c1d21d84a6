#!/bin/bash
#SBATCH --job-name=physgen
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue
# One task for each GPU; Lightning takes ranks and addresses from SLURM. The run folder must be given and lie on a disk
# that all nodes see. A requeued job runs the same command, which continues from the last checkpoint.
set -eu
NODES=${SLURM_JOB_NUM_NODES:-2}
FOLDER=${RUN_FOLDER:-runs/n12-backflow}

srun python -m physgen fit \
    --config configs/quantum-dot-2d-n12-omega1/neural-backflow.yaml \
    --trainer.accelerator gpu \
    --trainer.num_nodes "$NODES" \
    --trainer.devices 4 \
    --trainer.strategy ddp \
    --wandb offline \
    --run_folder "$FOLDER"

"""Two electrons in a quantum dot with nothing but Lightning: own optimiser, schedule, loggers and callbacks."""

import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from physgen.models import GaussianBinaryRBM, Model
from physgen.systems import QuantumDot


class Own(GaussianBinaryRBM):
    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.01)
        return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)]


seed_everything(1)
model = Own(QuantumDot(n=2, omega=0.5), hidden=2, jastrow=True, steps_per_epoch=20)
best = ModelCheckpoint("own_run/best", monitor="train/energy")
callbacks = [EarlyStopping("train/energy", patience=5), best]
loggers = [CSVLogger("own_run"), TensorBoardLogger("own_run")]
trainer = Trainer(max_epochs=20, precision="64-true", callbacks=callbacks, logger=loggers)
trainer.fit(model)
(numbers,) = trainer.test(Model.load_from_checkpoint(best.best_model_path))

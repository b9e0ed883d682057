"""The words of LoRaWAN network servers, and what is known of the devices behind them; for both directions."""

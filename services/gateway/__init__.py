"""TCP panels that speak GB/T 26875.3 (2011 edition) become MQTT devices."""
